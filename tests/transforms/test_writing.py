import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.transforms.functional.tiny import BERT
from tests.transforms.pipelines import check
from tests.transforms.test_rows import part_of
from transforms.functional.dataset.shards import content_sha256, read_shard
from transforms.functional.elements import PackedPart, ShardReceipt
from transforms.functional.errors import InputError, OutputError
from transforms.functional.ledger import ReviewCounts
from transforms.functional.rows.padding import RowLayout
from transforms.rows import make_rows
from transforms.writing import WriteShards

LAYOUT = RowLayout(max_length=5, template=BERT, pad_id=0)


def packed(number: int, reviews: list[list[int]]) -> PackedPart:
    return make_rows(part_of(number, reviews), LAYOUT)


def write(part: PackedPart, output: Path, **more: Any) -> ShardReceipt:
    writing = WriteShards(str(output), vocab_size=1000, metadata={"a": "b"}, generation=2, **more)
    return writing.write(part)


def test_a_part_becomes_a_shard_named_by_its_key(tmp_path: Path) -> None:
    receipt = write(packed(7, [[1, 2, 3, 4], []]), tmp_path)

    entry = receipt.shard
    assert entry is not None
    assert entry.path == "validation/000002/0000007-0000.arrow"
    data = (tmp_path / entry.path).read_bytes()
    table = read_shard(data, "arrow")
    assert table["input_ids"].to_pylist() == [[101, 1, 2, 3, 102], [101, 102, 0, 0, 0]]
    assert table.schema.metadata[b"a"] == b"b"
    assert (entry.split, entry.part, entry.rows, entry.tokens, entry.reviews) == (7, 0, 2, 7, 2)
    assert (entry.bytes, entry.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert entry.content_sha256 == content_sha256(table)
    assert receipt.ledger.reviews == ReviewCounts(written=2, truncated=1)


def test_a_part_without_a_row_leaves_a_receipt_and_no_file(tmp_path: Path) -> None:
    receipt = write(packed(0, []), tmp_path)

    assert receipt.shard is None
    assert receipt.subset == "validation"
    assert list(tmp_path.iterdir()) == []


def test_writing_again_replaces_the_file_with_the_same_bytes(tmp_path: Path) -> None:
    first = write(packed(0, [[1]]), tmp_path)
    path = tmp_path / "validation/000002" / "0000000-0000.arrow"
    data = path.read_bytes()
    path.write_bytes(b"torn")

    assert write(packed(0, [[1]]), tmp_path) == first
    assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


def test_only_the_expected_rows_are_written(tmp_path: Path) -> None:
    part = packed(0, [[1]])
    entry = write(part, tmp_path / "elsewhere").shard
    assert entry is not None
    path = tmp_path / entry.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"torn")

    for expected in ({}, {entry.path: "0" * 64}):
        with pytest.raises(InputError, match="other rows than the manifest names"):
            write(part, tmp_path, expected=expected)
        assert path.read_bytes() == b"torn"
    assert write(part, tmp_path, expected={entry.path: entry.content_sha256}).shard == entry


def test_an_output_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "validation").write_text("in the way", "utf-8")

    with pytest.raises(OutputError, match=r"cannot write .*validation/000002/0000000-0000.arrow"):
        write(packed(0, [[1]]), tmp_path)


def test_the_transform_writes_each_part(tmp_path: Path) -> None:
    parts = [packed(0, [[1]]), packed(1, [[2], [3]]), packed(2, [])]

    def matches(receipts: list[Any]) -> None:
        shards = sorted(r.shard.path for r in receipts if r.shard is not None)
        assert shards == [f"validation/000001/{key}-0000.parquet" for key in ("0000000", "0000001")]
        assert len(receipts) == 3
        assert np.sum([receipt.ledger.reviews.written for receipt in receipts]) == 3

    check(parts, WriteShards(str(tmp_path), vocab_size=1000, shard_format="parquet"), matches)
    assert len(list((tmp_path / "validation/000001").iterdir())) == 2
