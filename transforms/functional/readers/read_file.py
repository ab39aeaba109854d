"""One door to all formats."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator
from typing import IO, Literal

import pyarrow as pa

from transforms.functional.errors import InputError, MissingColumnError
from transforms.functional.labels import are_names
from transforms.functional.readers import arrow_ipc, delimited, jsonl, parquet, text
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import INDEXED, decompress
from transforms.functional.readers.tables import check_columns
from transforms.functional.reviews import ReviewChunk, with_label

DELIMITERS = {"csv": ",", "tsv": "\t"}

# What damaged or truncated files raise, through Arrow and the decompressors of Python.
DAMAGE = (pa.ArrowException, OSError, EOFError, lzma.LZMAError, zlib.error)


def read_file(
    stream: IO[bytes],
    file: FileRange,
    columns: ReviewColumns,
    sample_by: Literal["line", "document"] = "line",
) -> Iterator[ReviewChunk]:
    """Yield the reviews of one range of a file, in order.

    Args:
        stream: The file as stored, opened at its start.
        file: What it is and which range to read.
        columns: The columns to read, and the label mapping.
        sample_by: For plain text: a review a line, or the whole file one review.

    Raises:
        InputError: a column is missing, or the file is damaged; the message names the file.
    """
    try:
        for chunk in _chunks(stream, file, columns, sample_by):
            yield chunk if file.label is None else with_label(chunk, file.label)
    except InputError as error:
        raise type(error)(f"{file.path}: {error}") from None
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise damaged(file, error) from error


def label_type_of(
    stream: IO[bytes], file: FileRange, columns: ReviewColumns
) -> Literal["integer", "name"]:
    """Look at a file's first bytes: are the columns there, and what kind are the labels?

    Raises:
        InputError: a column is missing, or the file is damaged; the message names the file.
    """
    try:
        unpacked = decompress(stream, file.compression, seekable=file.format in INDEXED)
        if file.format in INDEXED:
            schema_of = parquet.parquet_schema if file.format == "parquet" else None
            schema = (schema_of or arrow_ipc.arrow_schema)(unpacked)
            check_columns(schema, columns)
            named = columns.label is not None and are_names(schema.field(columns.label).type)
            return "name" if named else "integer"
        if file.format in DELIMITERS:
            header = delimited.header_of(unpacked, DELIMITERS[file.format])
            _check_names(header, columns, "columns")
            return "name"
        if file.format == "jsonl":
            first = jsonl.first_object(unpacked)
            if first is not None:
                _check_names(list(first), columns, "fields of the first record")
                return "name" if isinstance(first.get(columns.label or ""), str) else "integer"
        return "integer"
    except InputError as error:
        raise type(error)(f"{file.path}: {error}") from None
    except DAMAGE as error:
        raise damaged(file, error) from error


def index_bytes(stream: IO[bytes], file: FileRange, text_column: str) -> list[int]:
    """Return the bytes of each row group or record batch of an indexed file; none for a stream.

    Raises:
        InputError: the file is damaged; the message names it.
    """
    try:
        if file.format == "parquet":
            return parquet.row_group_bytes(stream, text_column)
        return arrow_ipc.batch_bytes(stream)
    except DAMAGE as error:
        raise damaged(file, error) from error


def _chunks(
    stream: IO[bytes],
    file: FileRange,
    columns: ReviewColumns,
    sample_by: Literal["line", "document"],
) -> Iterator[ReviewChunk]:
    unpacked = decompress(stream, file.compression, seekable=file.format in INDEXED)
    source, start, end = file.source, file.start, file.end
    if file.format == "parquet":
        yield from parquet.read_parquet(unpacked, source, columns, start, end)
    elif file.format == "arrow":
        yield from arrow_ipc.read_arrow(unpacked, source, columns, start, end)
    elif file.format == "jsonl":
        yield from jsonl.read_jsonl(unpacked, source, columns, start, end)
    elif file.format in DELIMITERS:
        yield from delimited.read_delimited(unpacked, source, columns, DELIMITERS[file.format])
    elif sample_by == "document":
        yield from text.read_whole_files([(file, unpacked.read())], sample_by)
    else:
        yield from text.read_lines(unpacked, source, start, end)


def _check_names(names: list[str], columns: ReviewColumns, what: str) -> None:
    for name in columns.names():
        if name not in names:
            raise MissingColumnError(f"no column {name!r} ({what}: {', '.join(map(repr, names))})")


def damaged(file: FileRange, error: BaseException) -> InputError:
    """Return the error that says that a file cannot be read, and why."""
    kind = file.format if file.compression is None else f"{file.compression} {file.format}"
    detail = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{file.path}: not readable as {kind} (damaged or cut short?): {detail}")
