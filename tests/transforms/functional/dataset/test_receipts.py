"""A shard that an unfinished run left is kept only if it is what would be made again."""

import random
from typing import Literal

import pyarrow as pa
import pytest

from tests.transforms.functional.tiny import BERT
from tests.transforms.test_rows import part_of
from transforms.functional.dataset.receipts import (
    COUNTS,
    FINGERPRINT,
    new_receipt,
    receipt_metadata,
    receipt_of,
    shard_path,
)
from transforms.functional.dataset.shards import content_sha256, rows_table, shard_bytes
from transforms.functional.elements import PackedPart, ShardReceipt
from transforms.functional.rows.padding import RowLayout
from transforms.rows import make_rows

Format = Literal["arrow", "parquet"]
REVIEWS = [list(range(1, 1 + length)) for length in (3, 0, 5, 9, 1, 6)]


def packed() -> PackedPart:
    return make_rows(part_of(0, REVIEWS), RowLayout(max_length=8, template=BERT, pad_id=0))


def table_of(part: PackedPart) -> pa.Table:
    index = part.index
    return rows_table(
        part.packed.rows, vocab_size=1000, sources=index.sources, records=index.records
    )


def shard(shard_format: Format, **changed: str) -> bytes:
    part = packed()
    table = table_of(part)
    metadata = {FINGERPRINT: "f00d", **receipt_metadata(part, content_sha256(table)), **changed}
    return shard_bytes(table, shard_format, metadata)


def receipt(data: bytes, shard_format: Format, fingerprint: str = "f00d") -> ShardReceipt | None:
    part = packed()
    path = shard_path(part.subset, part.key, shard_format, 1)
    return receipt_of(data, path, part, part.subset, fingerprint)


@pytest.mark.parametrize("shard_format", ["arrow", "parquet"])
def test_a_whole_shard_gives_the_receipt_of_the_run_that_made_it(shard_format: Format) -> None:
    part, data = packed(), shard(shard_format)
    path = shard_path(part.subset, part.key, shard_format, 1)
    content = content_sha256(table_of(part))
    written = new_receipt(data, path, part.key, part.subset, 6, part.packed.ledger, content)
    assert receipt(data, shard_format) == written


@pytest.mark.parametrize("shard_format", ["arrow", "parquet"])
def test_a_shard_of_other_options_or_wrong_counts_is_none(shard_format: Format) -> None:
    assert receipt(shard(shard_format), shard_format, fingerprint="beef") is None
    counts = receipt_metadata(packed(), "")[COUNTS]
    n_special = packed().packed.ledger.tokens.special
    wrong = counts.replace(f'"special": {n_special}', f'"special": {n_special + 1}')
    assert wrong != counts
    assert receipt(shard(shard_format, **{COUNTS: wrong}), shard_format) is None


def test_a_flipped_bit_anywhere_in_an_arrow_shard_is_noticed() -> None:
    data = shard("arrow")
    # The counts of reviews are the only values that nothing else says again.
    reviews = [data.index(f'"{name}": '.encode()) + len(name) + 4 for name in _COUNTS_OF_REVIEWS]
    chosen = random.Random(0)
    for place in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[place] ^= 1 << chosen.randrange(8)
        assert place in reviews or receipt(bytes(flipped), "arrow") is None, place


_COUNTS_OF_REVIEWS = ("dropped", "truncated", "written")


@pytest.mark.parametrize("shard_format", ["arrow", "parquet"])
def test_a_shard_cut_short_at_any_byte_is_none(shard_format: Format) -> None:
    data = shard(shard_format)
    for end in range(0, len(data), 7):
        assert receipt(data[:end], shard_format) is None
