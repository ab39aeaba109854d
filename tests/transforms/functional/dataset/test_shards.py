import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st

from tests.transforms.functional.tiny import BERT, GPT2, tokens_of, words_of_one
from transforms.functional.dataset.shards import (
    ROWS_PER_BATCH,
    content_sha256,
    id_type,
    read_shard,
    rows_table,
    shard_bytes,
)
from transforms.functional.rows.masking import MaskRecipe, mask_rows
from transforms.functional.rows.packing import BlockLayout, pack_blocks
from transforms.functional.rows.padding import RowLayout, pad_reviews
from transforms.functional.rows.rows import Rows

METADATA = {"review_shards.fingerprint": "abc"}


def packed(reviews: list[list[list[int]]], length: int) -> Rows:
    """Return reviews of words as blocks, without special tokens."""
    return pack_blocks(tokens_of(reviews), BlockLayout(max_length=length, template=GPT2)).rows


def blocks(n_rows: int, length: int = 4) -> Rows:
    """Return blocks that count up: row `r` is `[4 r, 4 r + 1, 4 r + 2, 4 r + 3]`."""
    review = list(range(n_rows * length))
    return packed(words_of_one([review]), length)


def ragged() -> Rows:
    layout = RowLayout(max_length=6, template=BERT, padding="longest")
    return pad_reviews(tokens_of(words_of_one([[5, 6], [], [7]])), layout).rows


def table_of(rows: Rows, *, vocab_size: int = 50_000, labels: list[int] | None = None) -> pa.Table:
    n_reviews = int(rows.review.max(initial=0)) + 1
    return rows_table(
        rows,
        vocab_size=vocab_size,
        sources=np.full(n_reviews, 3, np.uint32),
        records=10 * np.arange(n_reviews, dtype=np.uint64),
        labels=None if labels is None else np.array(labels, np.int64),
    )


def test_ids_are_16_bits_wide_where_every_id_fits() -> None:
    assert id_type(1) == pa.uint16()
    assert id_type(65_536) == pa.uint16()
    assert id_type(65_537) == pa.uint32()


def test_the_largest_id_of_each_width_survives() -> None:
    for vocab_size in (65_536, 65_537):
        largest = vocab_size - 1
        rows = packed([[[0, largest]]], 2)
        assert table_of(rows, vocab_size=vocab_size)["input_ids"].to_pylist() == [[0, largest]]


def test_an_id_outside_of_the_vocabulary_is_an_error_not_another_id() -> None:
    rows = packed([[[65_537]]], 1)

    with pytest.raises(pa.ArrowInvalid):
        table_of(rows, vocab_size=65_536)


def test_the_columns_of_blocks() -> None:
    table = table_of(blocks(2))

    assert table.to_pydict() == {
        "input_ids": [[0, 1, 2, 3], [4, 5, 6, 7]],
        "attention_mask": [[True] * 4] * 2,
        "word_starts": [[True] * 4] * 2,
        "source": [3, 3],
        "record": [0, 0],
    }
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "input_ids": "fixed_size_list<item: uint16 not null>[4]",
        "attention_mask": "fixed_size_list<item: bool not null>[4]",
        "word_starts": "fixed_size_list<item: bool not null>[4]",
        "source": "uint32",
        "record": "uint64",
    }


def test_the_columns_of_ragged_rows_with_class_labels() -> None:
    table = table_of(ragged(), labels=[1, 0, -1])

    assert table["input_ids"].to_pylist() == [[101, 5, 6, 102], [101, 102], [101, 7, 102]]
    assert table["labels"].to_pylist() == [1, 0, -1]
    assert table["record"].to_pylist() == [0, 10, 20]
    assert str(table.schema.field("input_ids").type) == "list<item: uint16 not null>"
    assert table.schema.field("labels").type == pa.int64()


def test_windows_of_a_review_carry_its_label_and_its_place() -> None:
    layout = RowLayout(max_length=3, template=BERT, overflow="windows", padding="longest")
    rows = pad_reviews(tokens_of(words_of_one([[5, 6], [7]])), layout).rows
    table = table_of(rows, labels=[1, 0])

    assert table["labels"].to_pylist() == [1, 1, 0]
    assert table["record"].to_pylist() == [0, 0, 10]


def test_the_labels_of_static_masks_are_one_a_token() -> None:
    recipe = MaskRecipe(mask_id=9, vocab_size=10, special_ids=(), probability=1.0)
    table = table_of(mask_rows(blocks(2), (0, 0, 0), recipe))

    assert table["labels"].to_pylist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert str(table.schema.field("labels").type) == "fixed_size_list<item: int32 not null>[4]"


@given(values=st.lists(st.booleans(), max_size=40), first=st.integers(0, 40))
def test_the_hash_of_booleans_looks_neither_before_nor_behind_them(
    values: list[bool], first: int
) -> None:
    whole = pa.array(values, pa.bool_())
    alone = pa.array(values[first:], pa.bool_())

    assert content_sha256(pa.table({"a": whole.slice(first)})) == content_sha256(
        pa.table({"a": alone})
    )
    said = hashlib.sha256(f"a:bool:{len(alone)}\n".encode())
    said.update(np.packbits(np.array(values[first:], bool), bitorder="little").tobytes())
    assert content_sha256(pa.table({"a": alone})) == said.hexdigest()


@pytest.mark.parametrize("n_rows", [1, ROWS_PER_BATCH, ROWS_PER_BATCH + 1, 2 * ROWS_PER_BATCH + 5])
def test_a_row_is_found_by_arithmetic(n_rows: int) -> None:
    reader = pa.ipc.open_file(shard_bytes(table_of(blocks(n_rows)), "arrow", METADATA))

    sizes = [reader.get_batch(i).num_rows for i in range(reader.num_record_batches)]
    assert sum(sizes) == n_rows
    assert set(sizes[:-1]) <= {ROWS_PER_BATCH}
    assert ROWS_PER_BATCH == 4096
    for row in {0, n_rows // 2, n_rows - 1}:
        batch, offset = divmod(row, ROWS_PER_BATCH)
        found = reader.get_batch(batch).column("input_ids")[offset].as_py()
        assert found == [(4 * row + place) % 2**32 for place in range(4)]


def test_no_column_has_a_null_and_the_schema_says_so() -> None:
    for rows in (blocks(3), ragged()):
        table = read_shard(shard_bytes(table_of(rows, labels=[0] * 3), "arrow", METADATA), "arrow")
        for field in table.schema:
            assert not field.nullable
            assert table[field.name].null_count == 0
            if pa.types.is_nested(field.type):
                assert not field.type.value_field.nullable
        assert table.schema.metadata == {b"review_shards.fingerprint": b"abc"}


def test_a_memory_mapped_read_copies_nothing(tmp_path: object) -> None:
    path = f"{tmp_path}/shard.arrow"
    with pa.OSFile(path, "wb") as file:
        file.write(shard_bytes(table_of(blocks(9000, 32), vocab_size=2**32), "arrow", METADATA))

    before = pa.total_allocated_bytes()
    with pa.memory_map(path) as source:
        table = pa.ipc.open_file(source).read_all()
        values = [
            chunk.flatten().to_numpy(zero_copy_only=True).reshape(-1, 32)
            for chunk in table["input_ids"].chunks
        ]
        assert pa.total_allocated_bytes() == before
        assert values[-1][-1].tolist() == list(range(9000 * 32 - 32, 9000 * 32))
        assert not values[0].flags.owndata


def test_the_file_is_not_compressed() -> None:
    rows = packed(words_of_one([[7] * 100_000]), 10)

    # 100,000 ids of two bytes, all the same: a compressed file would be much smaller.
    assert len(shard_bytes(table_of(rows), "arrow", METADATA)) > 200_000
    assert len(shard_bytes(table_of(rows), "parquet", METADATA)) < 50_000


def test_the_same_rows_give_the_same_bytes() -> None:
    for shard_format in ("arrow", "parquet"):
        made = {shard_bytes(table_of(blocks(5000)), shard_format, METADATA) for _ in range(2)}
        assert len(made) == 1


@pytest.mark.parametrize("rows", [blocks(5000), ragged()], ids=["fixed", "ragged"])
def test_parquet_holds_the_same_columns(rows: Rows) -> None:
    table = table_of(rows, labels=[1] * len(rows))
    data = shard_bytes(table, "parquet", METADATA)

    assert read_shard(data, "parquet").to_pydict() == table.to_pydict()
    metadata = pq.read_metadata(pa.BufferReader(data))
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    assert metadata.row_group(0).num_rows == min(len(rows), ROWS_PER_BATCH)


# --- the content hash ---


def test_the_content_hash_is_what_the_format_says() -> None:
    table = table_of(ragged(), labels=[1, 0, -1])

    digest = hashlib.sha256()
    lengths = np.array([4, 2, 3], "<i8").tobytes()
    digest.update(b"input_ids:uint16[]:3\n" + lengths)
    digest.update(np.array([101, 5, 6, 102, 101, 102, 101, 7, 102], "<u2").tobytes())
    digest.update(b"attention_mask:bool[]:3\n" + lengths + bytes([0b11111111, 0b1]))
    digest.update(b"word_starts:bool[]:3\n" + lengths + bytes([0b10000110, 0b0]))
    digest.update(b"labels:int64:3\n" + np.array([1, 0, -1], "<i8").tobytes())
    digest.update(b"source:uint32:3\n" + np.array([3, 3, 3], "<u4").tobytes())
    digest.update(b"record:uint64:3\n" + np.array([0, 10, 20], "<u8").tobytes())
    assert content_sha256(table) == digest.hexdigest()


def test_the_content_hash_of_fixed_rows_names_their_length() -> None:
    table = table_of(blocks(2)).select(["input_ids", "attention_mask"])

    digest = hashlib.sha256(b"input_ids:uint16[4]:2\n" + np.arange(8, dtype="<u2").tobytes())
    digest.update(b"attention_mask:bool[4]:2\n" + bytes([0xFF]))
    assert content_sha256(table) == digest.hexdigest()


@pytest.mark.parametrize("rows", [blocks(5000, 3), ragged()], ids=["fixed", "ragged"])
def test_the_content_hash_does_not_depend_on_file_chunks_or_slices(rows: Rows) -> None:
    table = table_of(rows, labels=[1] * len(rows))
    expected = content_sha256(table)

    for shard_format in ("arrow", "parquet"):
        read = read_shard(shard_bytes(table, shard_format, METADATA), shard_format)
        assert content_sha256(read) == expected
    middle = len(rows) // 2
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1, middle), table.slice(middle + 1)])
    assert content_sha256(chunked) == expected
    # A slice is a view with an offset: its hash is that of a copy of its rows.
    part = table.slice(1, len(rows) - 1)
    copy = pa.Table.from_batches(
        [pa.RecordBatch.from_pylist(part.to_pylist(), schema=part.schema)], part.schema
    )
    assert content_sha256(part) == content_sha256(copy) != expected


def test_the_content_hash_sees_every_column_row_and_border() -> None:
    tables = [
        table_of(blocks(4)),
        table_of(blocks(5)),
        table_of(blocks(4), vocab_size=2**20),
        table_of(blocks(8, 2)),
        table_of(blocks(4), labels=[0]),
        table_of(blocks(4), labels=[1]),
        table_of(ragged()),
        table_of(blocks(4)).rename_columns(["a", "b", "c", "d", "e"]),
    ]

    assert len({content_sha256(table) for table in tables}) == len(tables)


def test_no_row() -> None:
    table = table_of(blocks(0))

    assert content_sha256(table) == content_sha256(
        read_shard(shard_bytes(table, "arrow", METADATA), "arrow")
    )
