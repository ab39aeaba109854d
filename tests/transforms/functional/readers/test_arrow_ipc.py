import io

import pyarrow as pa
import pytest

from tests.transforms.functional.readers.files import arrow_file, arrow_stream
from tests.transforms.functional.readers.seen import TEXT, file_of, read, rejected, reviews
from transforms.functional.errors import InputError, MissingColumnError
from transforms.functional.readers.arrow_ipc import batch_groups, read_arrow

_TEN = pa.table({"n": range(10), "text": [f"review {i}" for i in range(10)], "x": ["y"] * 10})
_ROWS = [(i, f"review {i}") for i in range(10)]


@pytest.mark.parametrize("cut", range(5))
def test_record_batches_keep_their_row_numbers_wherever_a_file_is_cut(cut):
    data = arrow_file(_TEN, rows=3)
    record = sum(group.rows for group in batch_groups(io.BytesIO(data))[:cut])
    first = reviews(read(data, "arrow", start=0, end=cut))
    second = reviews(read(data, "arrow", start=cut, end=4, record=record))
    assert first + second == _ROWS
    assert len(first) == min(3 * cut, 10)


def test_batch_groups_tell_rows_and_share_the_bytes():
    data = arrow_file(_TEN, rows=4)
    groups = batch_groups(io.BytesIO(data))
    assert [group.rows for group in groups] == [4, 4, 2]
    assert len(data) - 3 <= sum(group.bytes for group in groups) <= len(data)


def test_batch_groups_read_no_text_where_another_column_tells_the_rows():
    class Counted(io.BytesIO):
        n_read = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.n_read += len(data)
            return data

    table = pa.table({"text": ["x" * 10_000] * 100, "label": [1] * 100})
    stream = Counted(arrow_file(table, rows=10))
    assert [group.rows for group in batch_groups(stream)] == [10] * 10
    assert 0 < stream.n_read < 50_000 < len(stream.getvalue())


def test_a_stream_is_read_as_a_whole_and_has_no_index():
    data = arrow_stream(_TEN, rows=3)
    assert batch_groups(io.BytesIO(data)) == []
    assert reviews(read(data, "arrow")) == _ROWS


@pytest.mark.parametrize("write", [arrow_file, arrow_stream])
def test_files_without_rows_have_no_reviews(write):
    assert reviews(read(write(_TEN.slice(0, 0)), "arrow")) == []


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_buffers_are_read(compression):
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(sink, _TEN.schema, options=options) as writer:
        writer.write_table(_TEN)
    assert reviews(read(sink.getvalue(), "arrow")) == _ROWS


def test_a_stream_cut_anywhere_is_an_error_between_two_batches_too():
    data = arrow_stream(_TEN, rows=3)
    for end in range(0, len(data), 8):
        with pytest.raises(InputError, match="in/reviews: not readable as arrow"):
            read(data[:end], "arrow")


def test_a_file_cut_anywhere_is_an_error():
    data = arrow_file(_TEN, rows=3)
    for end in range(0, len(data), 8):
        with pytest.raises(InputError, match="in/reviews: not readable as arrow"):
            read(data[:end], "arrow")


@pytest.mark.parametrize("write", [arrow_file, arrow_stream])
def test_a_missing_column_is_named(write):
    with pytest.raises(MissingColumnError, match=r"no column 'text' \(columns: 'review'\)"):
        read(write(pa.table({"review": ["a"]})), "arrow")


@pytest.mark.parametrize("write", [arrow_file, arrow_stream])
def test_a_column_that_is_there_twice_is_an_error(write):
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pytest.raises(MissingColumnError, match="2 columns are called 'text'"):
        read(write(table), "arrow")


def test_sliced_batches_with_nulls_keep_place_and_value():
    table = pa.table({"text": ["a", None, "c", None, "e"]}).slice(1, 4)
    chunks = list(read_arrow(io.BytesIO(arrow_file(table)), file_of("arrow"), TEXT))
    assert reviews(chunks) == [(1, "c"), (3, "e")]
    assert rejected(chunks) == [(0, "text is null", b""), (2, "text is null", b"")]
