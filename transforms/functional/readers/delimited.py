"""CSV and TSV with a header; fields may be quoted and hold newlines, or quotes mean nothing.

The place of a review is its row number, the header and empty lines not counted. A file is read
from its start: whether a newline ends a record depends on every quote before it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import IO, NamedTuple

import numpy as np
import pyarrow as pa

from transforms.functional.errors import BadInputError, MissingColumnError
from transforms.functional.readers.columns import MAX_REVIEW_BYTES, ReviewColumns, review_chunk
from transforms.functional.readers.dialect import Dialect
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.lines import UTF16_SAMPLE_BYTES, check_not_utf16, in_chunks
from transforms.functional.readers.tables import check_names
from transforms.functional.reviews.reviews import RejectedRecord, ReviewChunk

HEADER = "header, the first line"
# In characters; more than any review has that is read: a quote is never closed.
_MAX_FIELD_LENGTH = 8 * MAX_REVIEW_BYTES
# What divides fields elsewhere, and how a shell writes it.
_OTHERS = {";": "';'", "\t": "tab", ",": ",", "|": "'|'"}
# A line before the header, as spreadsheets write and read it.
_SEP = re.compile(r'"?sep=([^"\r\n])"?\r?\n?', re.IGNORECASE)


class _Row(NamedTuple):
    """A row: its number (the header is -1), its fields, and its lines as they stand in the file.

    `broken` says why it is none.
    """

    record: int
    fields: list[str]
    raw: str
    broken: str = ""


def read_delimited(
    stream: IO[bytes], file: FileRange, columns: ReviewColumns
) -> Iterator[ReviewChunk]:
    """Yield the rows of a CSV or TSV file as reviews; a file without a row has none.

    Raises:
        MissingColumnError: the header lacks a column.
        InputError: a record is broken, and where the next one begins nobody knows.
    """
    rows = _rows(stream, file.dialect)
    header = _header(rows, columns)
    if header is None:
        return
    wanted = [header.index(name) for name in columns.names()]
    for block in in_chunks(rows, lambda row: len(row.raw)):
        yield _chunk(block, len(header), wanted, file.source, columns)


def header_of(
    stream: IO[bytes], dialect: Dialect, columns: ReviewColumns | None = None
) -> list[str] | None:
    """Return the fields of a file's header, None for one without a row.

    Raises:
        MissingColumnError: the header lacks one of `columns`.
    """
    return _header(_rows(stream, dialect), columns)


def _header(rows: Iterator[_Row], columns: ReviewColumns | None) -> list[str] | None:
    header = next(rows, None)
    if header is None or columns is None:
        return header and header.fields
    try:
        check_names(header.fields, columns, HEADER)
    except MissingColumnError as error:
        for delimiter, name in _OTHERS.items():
            fields = next(csv.reader([header.raw], delimiter=delimiter), [])
            if len(fields) > 1 and {*columns.names()} <= {*fields}:
                raise MissingColumnError(
                    f"{error}; or is it divided by {name}? Then pass --delimiter {name}"
                ) from None
        raise
    return header.fields


def _rows(stream: IO[bytes], dialect: Dialect) -> Iterator[_Row]:
    """Yield rows, empty lines left out; bytes that are not UTF-8 become lone surrogates."""
    csv.field_size_limit(_MAX_FIELD_LENGTH)
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _records(_Lines(text), dialect)
    finally:
        if not stream.closed:
            text.detach()  # Else the wrapper would close the stream, which is the caller's.


class _Lines:
    """The lines of a file; remembers those of the record that is being read."""

    def __init__(self, lines: Iterable[str]) -> None:
        rest = iter(lines)
        self.first = next(rest, "")
        self._lines = chain([self.first], rest)
        self.of_record: list[str] = []
        self.number = 0
        self.at_end = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines, "")
        if not line:
            self.at_end = True
            raise StopIteration
        self.number += 1
        self.of_record.append(line)
        return line


def _records(lines: _Lines, dialect: Dialect) -> Iterator[_Row]:
    check_not_utf16(lines.first[:UTF16_SAMPLE_BYTES].encode(errors="surrogateescape"))
    sep = _SEP.fullmatch(lines.first)
    if sep:
        next(lines)
        lines.of_record.clear()
        dialect = replace(dialect, delimiter=sep[1]) if dialect.may_say_sep else dialect
    reader = csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_NONE if dialect.quoting == "none" else csv.QUOTE_MINIMAL,
        escapechar=dialect.escape or None,
        strict=True,
    )
    record = -1
    while True:
        fields, broken = [], ""
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            broken = f"no delimited text: {error}"
            if record < 0 or not _ends_in_its_line(lines, dialect):
                begin = lines.number - len(lines.of_record) + 1
                raise BadInputError(
                    f"not readable as delimited text from line {begin} on: {error} (--quoting none "
                    f"takes quotes for characters, --escape names what stands before them)"
                ) from None
        if fields or broken:
            yield _Row(record, fields, "".join(lines.of_record), broken)
            record += 1
        lines.of_record.clear()


def _ends_in_its_line(lines: _Lines, dialect: Dialect) -> bool:
    """Return True where a broken record surely ends with its line: no quote in it is left open."""
    if lines.at_end or len(lines.of_record) > 1:
        return False
    line = lines.of_record[0]
    if dialect.escape:
        line = re.sub(re.escape(dialect.escape) + ".", "", line)
    return line.count('"') % 2 == 0


def _chunk(
    block: list[_Row], width: int, wanted: list[int], source: int, columns: ReviewColumns
) -> ReviewChunk:
    whole = [row for row in block if not row.broken and len(row.fields) == width]
    rejected = [
        RejectedRecord(
            source=source,
            record=row.record,
            reason=row.broken or f"{len(row.fields)} fields, but the header has {width}",
            raw=_bytes(row.raw),
        )
        for row in block
        if row.broken or len(row.fields) != width
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
