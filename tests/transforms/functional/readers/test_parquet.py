import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.transforms.functional.readers.files import parquet_file
from tests.transforms.functional.readers.seen import TEXT, file_of, read, reviews
from transforms.functional.errors import InputError, MissingColumnError
from transforms.functional.readers.file_range import Group
from transforms.functional.readers.parquet import read_parquet, row_groups

_TEN = pa.table({"n": range(10), "text": [f"review {i}" for i in range(10)]})


@pytest.mark.parametrize("cut", range(5))
def test_row_groups_keep_their_row_numbers_wherever_a_file_is_cut(cut):
    data = parquet_file(_TEN, row_group_size=3)
    first = reviews(read(data, "parquet", start=0, end=cut))
    second = reviews(read(data, "parquet", start=cut, end=4))
    assert first + second == [(i, f"review {i}") for i in range(10)]
    assert len(first) == min(3 * cut, 10)


def test_row_groups_tell_rows_and_bytes_of_the_text_alone():
    table = pa.table({"text": ["a" * 100] * 4, "other": [b"x" * 10_000] * 4})
    data = parquet_file(table, row_group_size=2, use_dictionary=False, compression="zstd")
    metadata = pq.read_metadata(io.BytesIO(data))
    groups = row_groups(metadata, "text")
    assert [group.rows for group in groups] == [2, 2]
    assert all(200 < group.bytes < 1000 for group in groups)
    assert sum(group.bytes for group in row_groups(metadata, "other")) > 40_000


def test_a_file_without_rows_or_row_groups():
    assert reviews(read(parquet_file(_TEN.slice(0, 0)), "parquet")) == []
    sink = io.BytesIO()
    pq.ParquetWriter(sink, _TEN.schema).close()
    assert row_groups(pq.read_metadata(io.BytesIO(sink.getvalue())), "text") == []
    assert reviews(read(sink.getvalue(), "parquet")) == []


def test_long_texts_come_a_few_at_a_time():
    """4,096 rows of a megabyte would not fit into memory."""
    table = pa.table({"text": [chr(97 + i) * (1 << 20) for i in range(9)]})
    data = parquet_file(table, use_dictionary=False)
    chunks = read_parquet(io.BytesIO(data), file_of("parquet"), TEXT)
    sizes = [chunk.reviews.num_rows for chunk in chunks]
    assert max(sizes) <= 4
    assert sum(sizes) == 9


def test_only_the_columns_needed_are_read():
    table = pa.table({"text": ["a"], "text.b": ["x"], "n": [[1]]})
    assert reviews(read(parquet_file(table), "parquet")) == [(0, "a")]


def test_a_missing_column_is_named_with_those_that_are_there():
    with pytest.raises(MissingColumnError, match=r"no column 'text' \(columns: 'review', 'n'\)"):
        read(parquet_file(pa.table({"review": ["a"], "n": [1]})), "parquet")


@pytest.mark.parametrize(
    "values", [pa.array([1, 2]), pa.array([["a"], ["b"]]), pa.nulls(2), pa.array([{"a": "b"}] * 2)]
)
def test_a_text_column_of_another_kind_is_an_error(values):
    with pytest.raises(MissingColumnError, match=r"column 'text' holds .*, not text"):
        read(parquet_file(pa.table({"text": values})), "parquet")


def test_a_column_that_is_there_twice_is_an_error():
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pytest.raises(MissingColumnError, match="2 columns are called 'text'"):
        read(parquet_file(table), "parquet")


def test_a_flipped_byte_is_found_where_pages_have_checksums():
    """Spark and others write checksums of pages."""
    table = pa.table({"text": ["a" * 5000, "b" * 5000]})
    data = bytearray(
        parquet_file(table, compression=None, use_dictionary=False, write_page_checksum=True)
    )
    data[data.index(b"b" * 100) + 50] ^= 1
    with pytest.raises(InputError, match="in/reviews: not readable as parquet"):
        read(bytes(data), "parquet")


def test_group_is_what_the_plan_needs():
    assert Group(rows=3, bytes=7) == (3, 7)
