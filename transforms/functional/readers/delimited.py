"""CSV and TSV with a header; fields may be quoted and hold newlines.

The place of a review is its row number, the header not counted. A file is read from its start:
whether a newline ends a record depends on every quote before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa

from transforms.functional.errors import InputError, MissingColumnError
from transforms.functional.readers.columns import ReviewColumns, review_chunk
from transforms.functional.reviews import RejectedRecord, ReviewChunk

ROWS_PER_CHUNK = 4096
_MAX_FIELD_BYTES = 2**31 - 1


def read_delimited(
    stream: IO[bytes], source: int, columns: ReviewColumns, delimiter: str
) -> Iterator[ReviewChunk]:
    """Yield the rows of a CSV (`delimiter=","`) or TSV (tab) file as reviews.

    Raises:
        MissingColumnError: the header lacks a column.
        InputError: a quote is never closed.
    """
    rows = _rows(stream, delimiter)
    header = next(rows, None)
    if header is None:
        return
    wanted = [_position(header, name) for name in columns.names()]
    block: list[tuple[int, list[str]]] = []
    for record in enumerate(rows):
        block.append(record)
        if len(block) == ROWS_PER_CHUNK:
            yield _chunk(block, len(header), wanted, source, columns, delimiter)
            block = []
    yield _chunk(block, len(header), wanted, source, columns, delimiter)


def header_of(stream: IO[bytes], delimiter: str) -> list[str]:
    """Return the column names of a CSV or TSV file; none for an empty file."""
    return next(_rows(stream, delimiter), [])


def _rows(stream: IO[bytes], delimiter: str) -> Iterator[list[str]]:
    """Yield rows, empty lines left out; bytes that are not UTF-8 become lone surrogates."""
    csv.field_size_limit(_MAX_FIELD_BYTES)
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from filter(None, csv.reader(text, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InputError(f"not readable as delimited text: {error}") from None
    finally:
        text.detach()


def _position(header: list[str], name: str) -> int:
    if name not in header:
        raise MissingColumnError(f"no column {name!r} (columns: {', '.join(map(repr, header))})")
    return header.index(name)


def _chunk(
    block: list[tuple[int, list[str]]],
    width: int,
    wanted: list[int],
    source: int,
    columns: ReviewColumns,
    delimiter: str,
) -> ReviewChunk:
    whole = [(record, row) for record, row in block if len(row) == width]
    rejected = [
        RejectedRecord(
            source=source,
            record=record,
            reason=f"{len(row)} fields, but the header has {width}",
            raw=_raw(row, delimiter),
        )
        for record, row in block
        if len(row) != width
    ]
    fields = [[_bytes(row[place]) for _, row in whole] for place in wanted]
    labels = None
    if columns.label is not None:
        labels = pa.array([_bytes(row[wanted[1]]).decode(errors="replace") for _, row in whole])
    return review_chunk(
        texts=pa.array(fields[0], pa.large_binary()),
        labels=labels,
        records=np.asarray([record for record, _ in whole], np.uint64),
        source=source,
        columns=columns,
        raw=lambda row: _raw(whole[row][1], delimiter),
        rejected=rejected,
    )


def _bytes(field: str) -> bytes:
    return field.encode("utf-8", "surrogateescape")


def _raw(row: list[str], delimiter: str) -> bytes:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\n").writerow(row)
    return _bytes(line.getvalue())
