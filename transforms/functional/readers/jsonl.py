"""JSON Lines: an object a line; blank lines are no records.

The place of a review is the byte offset of its line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa

from transforms.functional.problem_type_names import MULTI, REGRESSION
from transforms.functional.readers.columns import (
    ReviewColumns,
    label_array,
    review_chunk,
    shorten,
    utf8_reason,
)
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.lines import (
    BLOCK_BYTES,
    BYTE_ORDER_MARK,
    check_not_utf16,
    line_blocks,
    line_bounds,
)
from transforms.functional.reviews.problem_types import list_text
from transforms.functional.reviews.reviews import RejectedRecord, ReviewChunk


class Line(NamedTuple):
    """The JSON of one record: where it begins in the file, and its bytes."""

    offset: int
    data: bytes


Label = int | float | str


class _NotAReviewError(ValueError):
    """A line that holds no review; the message is the reason."""


def read_jsonl(stream: IO[bytes], file: FileRange, columns: ReviewColumns) -> Iterator[ReviewChunk]:
    """Yield the objects whose lines begin in a range as reviews.

    Raises:
        InputError: the file is UTF-16.
    """
    for lines in lines_of(stream, file.start, file.end):
        yield lines_chunk(lines, file.source, columns)


def lines_of(
    stream: IO[bytes], start: int = 0, end: int | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[list[Line]]:
    """Yield the lines that begin in `[start, end)`, several at a time, without their ends."""
    for offset, block in line_blocks(stream, start, end, block_bytes):
        if offset == 0:
            check_not_utf16(block)
        starts, ends = line_bounds(block)
        lines = [
            Line(offset + first, block[first:last])
            for first, last in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
        if offset == 0 and lines:
            lines[0] = Line(0, lines[0].data.removeprefix(BYTE_ORDER_MARK))
        yield lines


def objects(lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in some lines, broken ones left out; for a look at the fields."""
    for line in lines:
        try:
            value = json.loads(line.data)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def lines_chunk(lines: Iterable[Line], source: int, columns: ReviewColumns) -> ReviewChunk:
    """Return the reviews in some lines; blank ones are no records."""
    texts: list[str] = []
    labels: list[Label] = []
    read: list[Line] = []
    rejected: list[RejectedRecord] = []
    for line in lines:
        if not line.data or line.data.isspace():
            continue
        try:
            text, label = _parse_line(line.data, columns)
            texts.append(text)
            labels.append(label)
            read.append(line)
        except _NotAReviewError as error:
            reason = str(error)
            rejected.append(
                RejectedRecord(source=source, record=line.offset, reason=reason, raw=line.data)
            )
    return review_chunk(
        texts=pa.array(texts, pa.large_string()),
        labels=None if columns.label is None else label_array(labels),
        records=np.asarray([line.offset for line in read], np.uint64),
        source=source,
        columns=columns,
        raw=lambda row: read[row].data,
        rejected=rejected,
    )


def _parse_line(line: bytes, columns: ReviewColumns) -> tuple[str, Label]:
    """Return a line's text and label (0 where none is asked for)."""
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _NotAReviewError(utf8_reason(error)) from None
    except (ValueError, RecursionError) as error:
        raise _NotAReviewError(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise _NotAReviewError(f"not a JSON object but {_json_type(record)}")
    text = _field(record, columns.text)
    if columns.only_names and columns.problem_type == MULTI and isinstance(text, list):
        text = list_text(text)
    if not isinstance(text, str):
        raise _NotAReviewError(f"{columns.text} is {_json_type(text)}, not a string")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _NotAReviewError(f"{columns.text} is not Unicode text: {error.reason}") from None
    return text, 0 if columns.label is None else _label(_field(record, columns.label), columns)


def _field(record: dict[str, Any], name: str) -> Any:
    if name not in record:
        fields = shorten(", ".join(map(repr, record)) or "none")
        raise _NotAReviewError(f"no field {name!r} (fields: {fields})")
    if record[name] is None:
        raise _NotAReviewError(f"{name} is null")
    return record[name]


def _label(value: Any, columns: ReviewColumns) -> Label:
    """Return a label as a number, a name, or a list of classes in JSON."""
    if columns.problem_type == MULTI:
        value = list_text(value)
    elif columns.problem_type == REGRESSION and isinstance(value, int | float):
        return _as_float(value)
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value):
        return value
    raise _NotAReviewError(f"{columns.label} {shorten(repr(value))} is no integer and no string")


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf  # An integer with hundreds of digits.


def _json_type(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string"}
    names |= {list: "an array", dict: "an object", type(None): "null"}
    return names[type(value)]
