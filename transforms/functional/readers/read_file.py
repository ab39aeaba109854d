"""Reading a file of any format: its reviews, its columns, the kind of its labels."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import IO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.functional.errors import InputError, damage_of
from transforms.functional.readers import arrow_ipc, delimited, json_array, jsonl, parquet, text
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.dialect import DELIMITERS
from transforms.functional.readers.file_range import FileRange, Group
from transforms.functional.readers.formats import INDEXED
from transforms.functional.readers.tables import check_columns, check_names
from transforms.functional.reviews.labels import are_names, hugging_face_classes
from transforms.functional.reviews.reviews import ReviewChunk, with_label
from transforms.functional.unpacking.compression import decompress

# What damaged or truncated files raise, through Arrow and the decompressors of Python.
DAMAGE = (
    pa.ArrowException,
    UnicodeDecodeError,  # A name in a file's metadata.
    OSError,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
)

_LOOK_AT = 1000
_SCHEMA_OF = {"parquet": pq.read_schema, "arrow": arrow_ipc.arrow_schema}


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
    with naming(file):
        for chunk in _chunks(stream, file, columns, sample_by):
            yield chunk if file.label is None else with_label(chunk, file.label)


@dataclass(frozen=True, kw_only=True)
class LabelKind:
    """What a file's labels are.

    Attributes:
        names: True for strings, False for numbers.
        classes: Names of the numbers, where the file says them.
    """

    names: bool
    classes: tuple[str, ...] = ()


def label_kind_of(stream: IO[bytes], file: FileRange, columns: ReviewColumns) -> LabelKind | None:
    """Look at a file's first bytes: are the columns there, and what kind are the labels?

    None where the file does not say: it is empty, or has no labels.

    Raises:
        InputError: a column is missing, or the file is damaged; the message names the file.
    """
    with naming(file):
        unpacked = _unpacked(stream, file)
        if file.format in INDEXED:
            schema = _SCHEMA_OF[file.format](unpacked)
            check_columns(schema, columns)
            return _label_kind(schema, columns)
        if file.format in DELIMITERS:
            header = delimited.header_of(unpacked, file.dialect, columns)
            return None if header is None else LabelKind(names=True)
        if file.format in ("jsonl", "json"):
            return _json_label_kind(_json_lines(unpacked, file), columns)
    return None


def column_names(stream: IO[bytes], file: FileRange) -> list[str] | None:
    """Return the columns of a file; of JSON, the fields of the first record.

    Plain text has none. None where the file is empty.

    Raises:
        InputError: the file is damaged; the message names the file.
    """
    with naming(file):
        unpacked = _unpacked(stream, file)
        if file.format in INDEXED:
            return list(_SCHEMA_OF[file.format](unpacked).names)
        if file.format in DELIMITERS:
            return delimited.header_of(unpacked, file.dialect)
        if file.format in ("jsonl", "json"):
            return list(next(jsonl.objects(_json_lines(unpacked, file)), {})) or None
    return []


def index_groups(stream: IO[bytes], file: FileRange, text_column: str) -> list[Group]:
    """Return the row groups or record batches of an indexed file; none for an Arrow stream.

    Raises:
        InputError: the file is damaged; the message names it.
    """
    with naming(file):
        if file.format == "parquet":
            return parquet.row_groups(pq.read_metadata(stream), text_column)
        return arrow_ipc.batch_groups(stream)


def _chunks(
    stream: IO[bytes],
    file: FileRange,
    columns: ReviewColumns,
    sample_by: Literal["line", "document"],
) -> Iterator[ReviewChunk]:
    unpacked = _unpacked(stream, file)
    source, start, end = file.source, file.start, file.end
    if file.format == "parquet":
        yield from parquet.read_parquet(unpacked, source, columns, start, end)
    elif file.format == "arrow":
        yield from arrow_ipc.read_arrow(unpacked, source, columns, start, end, file.record)
    elif file.format == "jsonl":
        yield from jsonl.read_jsonl(unpacked, source, columns, start, end)
    elif file.format == "json":
        yield from json_array.read_json(unpacked, source, columns, start, end)
    elif file.format in DELIMITERS:
        yield from delimited.read_delimited(unpacked, source, columns, file.dialect)
    elif sample_by == "document":
        yield from text.read_whole_files([(file, unpacked.read())], sample_by)
    else:
        yield from text.read_lines(unpacked, source, start, end)


def _unpacked(stream: IO[bytes], file: FileRange) -> IO[bytes]:
    return decompress(stream, file.compression, seekable=file.format in INDEXED)


def _label_kind(schema: pa.Schema, columns: ReviewColumns) -> LabelKind | None:
    if columns.label is None or pa.types.is_null(schema.field(columns.label).type):
        return None
    return LabelKind(
        names=are_names(schema.field(columns.label).type),
        classes=hugging_face_classes(schema, columns.label),
    )


def _json_lines(stream: IO[bytes], file: FileRange) -> Iterator[jsonl.Line]:
    """Yield the lines of a file, or the elements of its array, few read ahead."""
    array, stream = json_array.holds_array(stream) if file.format == "json" else (False, stream)
    if array:
        yield from json_array.elements(stream, 1 << 16)
    else:
        yield from chain.from_iterable(jsonl.lines_of(stream, block_bytes=1 << 16))


def _json_label_kind(lines: Iterable[jsonl.Line], columns: ReviewColumns) -> LabelKind | None:
    """Go by the first record for the columns, and by the first labels that are not null.

    A number among the first `_LOOK_AT` records does not make numbers of the names after it.
    """
    found = None
    for place, record in enumerate(jsonl.objects(lines)):
        if place == 0:
            check_names(list(record), columns, "fields of the first record")
        label = record.get(columns.label or "")
        if isinstance(label, str):
            return LabelKind(names=True)
        if label is not None:
            found = LabelKind(names=False)
        if columns.label is None or (found and place >= _LOOK_AT):
            break
    return found


@contextmanager
def naming(file: FileRange) -> Iterator[None]:
    """Name the file in whatever goes wrong while it is read; damage becomes an `InputError`."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{file.path}: {error}") from None
    except DAMAGE as error:
        kind = file.format if file.compression is None else f"{file.compression} {file.format}"
        detail = " ".join(str(error).split()) or type(error).__name__
        raise damage_of(error)(
            f"{file.path}: not readable as {kind} (damaged or cut short?): {detail}"
        ) from error
