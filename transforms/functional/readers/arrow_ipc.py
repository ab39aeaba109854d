"""Arrow IPC, both forms: the file (Feather 2) and the stream (what `datasets` caches are).

The place of a review is its row number in the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import IO

import pyarrow as pa

from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange, Group
from transforms.functional.readers.tables import check_columns, has_no_names, table_chunks
from transforms.functional.reviews.reviews import ReviewChunk
from transforms.functional.unpacking.arrow_claims import check_claims, is_file

_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def read_arrow(stream: IO[bytes], file: FileRange, columns: ReviewColumns) -> Iterator[ReviewChunk]:
    """Yield the reviews of the record batches in a range.

    Raises:
        InputError: a column is missing, or holds no text.
        pyarrow.ArrowInvalid, OSError, EOFError: the file is damaged or cut short.
    """
    n_bytes = stream.seek(0, io.SEEK_END)
    check_claims(stream)
    schema = arrow_schema(stream)
    check_columns(schema, columns)
    if has_no_names(schema, columns):
        return
    batches: Iterable[pa.RecordBatch]
    if is_file(stream):
        needed = [schema.get_field_index(name) for name in columns.names()]
        options = pa.ipc.IpcReadOptions(included_fields=needed)
        opened = pa.ipc.open_file(stream, options=options)
        wanted = range(opened.num_record_batches)[file.start : file.end]
        batches = map(opened.get_batch, wanted)
    else:
        batches = _open_stream(stream)
    yield from table_chunks(batches, file.record, file.source, columns, n_bytes)


def arrow_schema(stream: IO[bytes]) -> pa.Schema:
    """Return the schema of an Arrow IPC file or stream."""
    opened = pa.ipc.open_file if is_file(stream) else pa.ipc.open_stream
    return opened(stream).schema


def batch_groups(stream: IO[bytes]) -> list[Group]:
    """Return the record batches of an IPC file, each with its share of the file's bytes.

    An IPC stream has no index and is read as a whole: the list is empty.
    """
    if not is_file(stream):
        return []
    schema = arrow_schema(stream)
    check_claims(stream)
    # Arrow tells the rows of a batch only with a column of it: take a narrow one.
    narrow = [place for place, field in enumerate(schema) if pa.types.is_primitive(field.type)]
    options = pa.ipc.IpcReadOptions(included_fields=(narrow or [0])[:1])
    file = pa.ipc.open_file(stream, options=options)
    rows = [file.get_batch(batch).num_rows for batch in range(file.num_record_batches)]
    size = stream.seek(0, io.SEEK_END)
    return [Group(n_rows, size * n_rows // max(1, sum(rows))) for n_rows in rows]


def _open_stream(stream: IO[bytes]) -> pa.RecordBatchStreamReader:
    """Open an IPC stream that ends with its end mark.

    Without a look at the mark, a stream cut off between two batches would pass for a whole one.
    """
    stream.seek(0, io.SEEK_END)
    stream.seek(-min(len(_END_OF_STREAM), stream.tell()), io.SEEK_END)
    if stream.read() != _END_OF_STREAM:
        raise EOFError("the Arrow stream has no end mark")
    stream.seek(0)
    return pa.ipc.open_stream(stream)
