"""Arrow IPC, both forms: the file (Feather 2) and the stream (what `datasets` caches are).

The place of a review is its row number in the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa

from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import Group
from transforms.functional.readers.tables import (
    batch_chunk,
    check_batch,
    check_columns,
    has_no_names,
)
from transforms.functional.reviews.reviews import ReviewChunk
from transforms.functional.unpacking.arrow_claims import check_claims
from transforms.functional.unpacking.compression import RatioGuard

_FILE_MAGIC = b"ARROW1"
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def read_arrow(
    stream: IO[bytes],
    source: int,
    columns: ReviewColumns,
    start: int = 0,
    end: int | None = None,
    record: int = 0,
) -> Iterator[ReviewChunk]:
    """Yield the reviews of record batches `start` to `end` (exclusive; None: all).

    `record` is the row number of batch `start`: the file does not say.

    Raises:
        InputError: a column is missing, or holds no text.
        pyarrow.ArrowInvalid, OSError, EOFError: the file is damaged or cut short.
    """
    guard = RatioGuard()
    guard.packed = stream.seek(0, io.SEEK_END)
    check_claims(stream)
    if not _is_file(stream):
        reader = _open_stream(stream)
        check_columns(reader.schema, columns)
        if has_no_names(reader.schema, columns):
            return
        yield from _chunks(reader, 0, source, columns, guard)
        return
    file = pa.ipc.open_file(stream, options=_only(stream, columns))
    check_columns(file.schema, columns)
    if has_no_names(file.schema, columns):
        return
    batches = map(file.get_batch, range(file.num_record_batches)[start:end])
    yield from _chunks(batches, record, source, columns, guard)


def arrow_schema(stream: IO[bytes]) -> pa.Schema:
    """Return the schema of an Arrow IPC file or stream."""
    if _is_file(stream):
        return pa.ipc.open_file(stream).schema
    return pa.ipc.open_stream(stream).schema


def batch_groups(stream: IO[bytes]) -> list[Group]:
    """Return the record batches of an IPC file, each with its share of the file's bytes.

    An IPC stream has no index and is read as a whole: the list is empty.
    """
    if not _is_file(stream):
        return []
    schema = pa.ipc.open_file(stream).schema
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


def _is_file(stream: IO[bytes]) -> bool:
    stream.seek(0)
    magic = stream.read(len(_FILE_MAGIC))
    stream.seek(0)
    return magic == _FILE_MAGIC


def _only(stream: IO[bytes], columns: ReviewColumns) -> pa.ipc.IpcReadOptions:
    """Return options that read just the columns needed, all where one is missing."""
    schema = pa.ipc.open_file(stream).schema
    stream.seek(0)
    check_columns(schema, columns)
    return pa.ipc.IpcReadOptions(
        included_fields=[schema.get_field_index(name) for name in columns.names()]
    )


def _chunks(
    batches: Iterator[pa.RecordBatch],
    record: int,
    source: int,
    columns: ReviewColumns,
    guard: RatioGuard,
) -> Iterator[ReviewChunk]:
    for batch in batches:
        check_batch(batch, columns, guard)
        records = np.arange(record, record + batch.num_rows, dtype=np.uint64)
        yield batch_chunk(batch, records, source, columns)
        record += batch.num_rows
