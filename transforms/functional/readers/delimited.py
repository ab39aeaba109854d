"""CSV and TSV with a header; fields may be quoted and hold newlines.

The place of a review is its row number, the header and empty lines not counted. A file is read
from its start: whether a newline ends a record depends on every quote before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

import numpy as np
import pyarrow as pa

from transforms.functional.errors import InputError
from transforms.functional.readers.columns import ReviewColumns, review_chunk
from transforms.functional.readers.lines import BLOCK_BYTES
from transforms.functional.readers.tables import check_names
from transforms.functional.reviews.reviews import RejectedRecord, ReviewChunk

MAX_ROWS_PER_CHUNK = 4096
HEADER = "header, the first line"
_MAX_FIELD_BYTES = 2**31 - 1


class _Row(NamedTuple):
    """A row: its number (the header is -1), its fields, and its lines as they stand in the file."""

    record: int
    fields: list[str]
    raw: str


def read_delimited(
    stream: IO[bytes], source: int, columns: ReviewColumns, delimiter: str
) -> Iterator[ReviewChunk]:
    """Yield the rows of a CSV (`delimiter=","`) or TSV (tab) file as reviews.

    Raises:
        MissingColumnError: the header lacks a column.
        InputError: a quote is never closed, or text follows a closed one.
    """
    rows = _rows(stream, delimiter)
    header = next(rows, _Row(-1, [], "")).fields
    check_names(header, columns, HEADER)
    wanted = [header.index(name) for name in columns.names()]
    for block in _blocks(rows):
        yield _chunk(block, len(header), wanted, source, columns)


def header_of(stream: IO[bytes], delimiter: str) -> list[str]:
    """Return the column names of a CSV or TSV file; none for an empty file."""
    return next(_rows(stream, delimiter), _Row(-1, [], "")).fields


def _rows(stream: IO[bytes], delimiter: str) -> Iterator[_Row]:
    """Yield rows, empty lines left out; bytes that are not UTF-8 become lone surrogates."""
    csv.field_size_limit(_MAX_FIELD_BYTES)
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    lines: list[str] = []  # Of the row that is being read.
    reader = csv.reader(_remembered(text, lines), delimiter=delimiter, strict=True)
    record = -1
    try:
        for fields in reader:
            if fields:
                yield _Row(record, fields, "".join(lines))
                record += 1
            lines.clear()
    except csv.Error as error:
        begin = reader.line_num - len(lines) + 1
        raise InputError(f"not readable as delimited text from line {begin} on: {error}") from None
    finally:
        if not stream.closed:
            text.detach()  # Else the wrapper would close the stream, which is the caller's.


def _remembered(lines: Iterable[str], memory: list[str]) -> Iterator[str]:
    for line in lines:
        memory.append(line)
        yield line


def _blocks(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    block: list[_Row] = []
    length = 0
    for row in rows:
        block.append(row)
        length += len(row.raw)
        if len(block) == MAX_ROWS_PER_CHUNK or length >= BLOCK_BYTES:
            yield block
            block, length = [], 0
    yield block


def _chunk(
    block: list[_Row], width: int, wanted: list[int], source: int, columns: ReviewColumns
) -> ReviewChunk:
    whole = [row for row in block if len(row.fields) == width]
    rejected = [
        RejectedRecord(
            source=source,
            record=row.record,
            reason=f"{len(row.fields)} fields, but the header has {width}",
            raw=_bytes(row.raw),
        )
        for row in block
        if len(row.fields) != width
    ]
    values = [[_bytes(row.fields[place]) for row in whole] for place in wanted]
    labels = None
    if columns.label is not None:
        names = [value.decode(errors="replace") for value in values[1]]
        labels = pa.array(names, pa.large_string())
    return review_chunk(
        texts=pa.array(values[0], pa.large_binary()),
        labels=labels,
        records=np.asarray([row.record for row in whole], np.uint64),
        source=source,
        columns=columns,
        raw=lambda row: _bytes(whole[row].raw),
        rejected=rejected,
    )


def _bytes(field: str) -> bytes:
    return field.encode("utf-8", "surrogateescape")
