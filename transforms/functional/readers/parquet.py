"""Parquet: only the columns needed, row group by row group.

The place of a review is its row number in the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

import pyarrow.parquet as pq

from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange, Group
from transforms.functional.readers.lines import BLOCK_BYTES, MAX_ROWS_PER_CHUNK
from transforms.functional.readers.tables import check_columns, has_no_names, table_chunks
from transforms.functional.reviews.reviews import ReviewChunk
from transforms.functional.unpacking.compression import RatioGuard


def read_parquet(
    stream: IO[bytes], file: FileRange, columns: ReviewColumns
) -> Iterator[ReviewChunk]:
    """Yield the reviews of the row groups in a range.

    Raises:
        InputError: a column is missing, or holds no text.
        pyarrow.ArrowInvalid, OSError: the file is damaged.
    """
    n_bytes = stream.seek(0, io.SEEK_END)
    metadata = pq.read_metadata(stream)
    opened = pq.ParquetFile(
        stream,
        metadata=metadata,
        page_checksum_verification=True,
        read_dictionary=_with_dictionary(metadata, columns.names()),
    )
    check_columns(opened.schema_arrow, columns)
    if has_no_names(opened.schema_arrow, columns):
        return
    groups = row_groups(metadata, columns.text)
    _check_claims(metadata, n_bytes)
    batches = opened.iter_batches(
        _rows_per_chunk(groups[file.start : file.end]),
        row_groups=range(len(groups))[file.start : file.end],
        columns=columns.names(),
    )
    record = sum(group.rows for group in groups[: file.start])
    yield from table_chunks(batches, record, file.source, columns, n_bytes)


def _check_claims(metadata: pq.FileMetaData, n_bytes: int) -> None:
    """Raise `InputError` for a small file whose row groups claim far more bytes than it has."""
    guard = RatioGuard(n_bytes)
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        # A null takes no byte of the file, but room once it is a rejected record.
        guard.add_unpacked(max(0, group.total_byte_size) + 8 * max(0, group.num_rows))


def _with_dictionary(metadata: pq.FileMetaData, names: list[str]) -> list[str]:
    """Return the columns to read as codes: one long text may be in a million rows."""
    places = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    return [
        name
        for name in names
        if name in places
        and metadata.schema.column(places[name]).physical_type == "BYTE_ARRAY"
        and any(group.column(places[name]).has_dictionary_page for group in groups)
    ]


def row_groups(metadata: pq.FileMetaData, text_column: str) -> list[Group]:
    """Return the row groups, with the bytes of the text column (all columns, if missing)."""
    paths = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    if text_column not in paths:
        return [Group(group.num_rows, group.total_byte_size) for group in groups]
    place = paths.index(text_column)
    return [Group(group.num_rows, group.column(place).total_uncompressed_size) for group in groups]


def _rows_per_chunk(groups: list[Group]) -> int:
    """Return how many rows to read at a time: about `BLOCK_BYTES` of text, in case it is long."""
    rows = sum(group.rows for group in groups)
    text_bytes = sum(group.bytes for group in groups)
    return min(max(1, BLOCK_BYTES * rows // max(1, text_bytes)), MAX_ROWS_PER_CHUNK)
