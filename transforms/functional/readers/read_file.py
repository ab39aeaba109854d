"""Reading a file of any format: its reviews, its columns, the kind of its labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from typing import IO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.functional.readers import arrow_ipc, delimited, json_array, jsonl, parquet, text
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.dialect import DELIMITERS
from transforms.functional.readers.file_range import FileRange, Group
from transforms.functional.readers.formats import INDEXED
from transforms.functional.readers.tables import check_columns, check_names
from transforms.functional.reviews.labels import are_names, hugging_face_classes
from transforms.functional.reviews.reviews import ReviewChunk, with_label
from transforms.functional.unpacking.compression import decompress
from transforms.functional.unpacking.damage import naming

_READERS: dict[str, Callable[[IO[bytes], FileRange, ReviewColumns], Iterator[ReviewChunk]]] = {
    "jsonl": jsonl.read_jsonl,
    "json": json_array.read_json,
    "csv": delimited.read_delimited,
    "tsv": delimited.read_delimited,
    "parquet": parquet.read_parquet,
    "arrow": arrow_ipc.read_arrow,
}
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
    with naming_file(file):
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
    with naming_file(file):
        unpacked = _unpacked(stream, file)
        if file.format in INDEXED:
            schema = _SCHEMA_OF[file.format](unpacked)
            check_columns(schema, columns)
            label_type = schema.field(columns.label or columns.text).type
            if columns.label is None or pa.types.is_null(label_type):
                return None
            classes = hugging_face_classes(schema, columns.label)
            return LabelKind(names=are_names(label_type), classes=classes)
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
    with naming_file(file):
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
    with naming_file(file):
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
    if file.format != "text":
        return _READERS[file.format](unpacked, file, columns)
    if sample_by == "document":
        return text.read_whole_files([(file, unpacked.read())], sample_by)
    return text.read_lines(unpacked, file)


def _unpacked(stream: IO[bytes], file: FileRange) -> IO[bytes]:
    return decompress(stream, file.compression, seekable=file.format in INDEXED)


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


def naming_file(file: FileRange) -> AbstractContextManager[None]:
    """Name a file in whatever goes wrong while it is read; damage becomes an `InputError`."""
    return naming(file.path, " ".join(filter(None, (file.compression, file.format))))
