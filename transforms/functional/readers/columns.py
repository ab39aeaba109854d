"""From columns that a file holds to reviews and rejected records: what all readers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.problem_type_names import MULTI, REGRESSION, SINGLE, ProblemType
from transforms.functional.reviews.labels import class_numbers, encode_labels, is_text
from transforms.functional.reviews.problem_types import encode_lists, encode_numbers, multi_hot
from transforms.functional.reviews.reviews import RejectedRecord, ReviewChunk, make_reviews

# The library needs some 170 bytes of memory for each byte of one text (measured on 10 MB).
MAX_REVIEW_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class ReviewColumns:
    """Which columns to read, and how labels become numbers.

    Attributes:
        text: Name of the text column.
        label: Name of the label column; None where no label is read.
        label_numbers: Number of each label name; None where labels are integers.
        classes: The classes in the order of their numbers, where they are known beforehand.
        only_names: True where `text` is the column of labels, to find their names: a file whose
            labels are no strings has none.
        problem_type: What a label is.
    """

    text: str
    label: str | None = None
    label_numbers: Mapping[str, int] | None = None
    classes: tuple[str, ...] = ()
    only_names: bool = False
    problem_type: ProblemType = SINGLE

    def names(self) -> list[str]:
        """Return the names of the columns to read."""
        return [self.text] if self.label is None else [self.text, self.label]

    @property
    def numbers(self) -> Mapping[str, int]:
        """Number of each class by its name, as far as classes have names."""
        return class_numbers(self.classes) or self.label_numbers or {}

    def encode(self, labels: pa.Array) -> pa.Array:
        """Return labels as parts hold them, null where a value is none."""
        if self.problem_type == REGRESSION:
            return encode_numbers(labels)
        if self.problem_type == MULTI:
            return encode_lists(labels, self.numbers)
        return encode_labels(labels, self.label_numbers, self.classes)


def review_chunk(
    *,
    texts: pa.Array,
    labels: pa.Array | None,
    records: np.ndarray,
    source: int | np.ndarray,
    columns: ReviewColumns,
    raw: Callable[[int], bytes],
    rejected: Sequence[RejectedRecord] = (),
) -> ReviewChunk:
    """Return the reviews of a file's columns; rows without a text or a label are rejected.

    Args:
        texts: (n,) strings or bytes; bytes that are not UTF-8 are rejected.
        labels: (n,) label values, or None.
        records: (n,) places in the file.
        source: Index of the input file, one for all rows or (n,) uint32.
        columns: What the columns are called, and the label mapping.
        raw: Gives the bytes of row i as they stood in the file, for `rejected/`.
        rejected: Records that the reader itself could not read.
    """
    sources = np.broadcast_to(np.asarray(source, np.uint32), len(texts))
    texts, reasons = _valid_texts(texts, columns.text)
    numbers = None
    if labels is not None:
        numbers = columns.encode(labels)
        for row in _places(pc.is_null(numbers)):
            reasons.setdefault(row, _label_reason(labels, row, columns))
    reviews = make_reviews(texts, numbers, sources, records)
    if reasons:
        bad = [
            RejectedRecord(
                source=int(sources[row]), record=int(records[row]), reason=reason, raw=raw(row)
            )
            for row, reason in reasons.items()
        ]
        rejected = sorted([*rejected, *bad], key=lambda item: (item.source, item.record))
        reviews = reviews.take(pa.array(np.setdiff1d(np.arange(len(texts)), list(reasons))))
    return ReviewChunk(reviews=reviews, rejected=tuple(rejected))


def _valid_texts(texts: pa.Array, name: str) -> tuple[pa.LargeStringArray, dict[int, str]]:
    """Return texts as UTF-8 strings, and why a row holds none that is read."""
    texts, reasons = _as_utf8(texts)
    for row in _places(pc.is_null(texts)):
        reasons.setdefault(row, f"{name} is null")
    for row in _places(pc.greater(pc.binary_length(texts), MAX_REVIEW_BYTES)):
        reasons[row] = (
            f"{name} is longer than {MAX_REVIEW_BYTES:,} bytes of UTF-8, which is no review: "
            f"divide it"
        )
    return texts, reasons


def _places(chosen: pa.BooleanArray) -> list[int]:
    """Return the rows that are true; null is not."""
    return pc.indices_nonzero(chosen).to_pylist()  # type: ignore[no-any-return]


def _as_utf8(texts: pa.Array) -> tuple[pa.LargeStringArray, dict[int, str]]:
    """Return texts as strings, null where bytes are not UTF-8, and why; Arrow does not look."""
    raw = texts.cast(pa.large_string() if is_text(texts.type) else pa.large_binary())
    raw = raw.cast(pa.large_binary())
    try:
        return raw.cast(pa.large_string()), {}
    except pa.ArrowInvalid:
        pass
    values = raw.to_pylist()
    reasons: dict[int, str] = {}
    for row, value in enumerate(values):
        try:
            if value is not None:
                value.decode("utf-8")
        except UnicodeDecodeError as error:
            reasons[row], values[row] = utf8_reason(error), None
    return pa.array(values, pa.large_binary()).cast(pa.large_string()), reasons


def utf8_reason(error: UnicodeDecodeError) -> str:
    """Return a sentence that says where bytes stop being UTF-8."""
    byte = error.object[error.start]
    return f"not UTF-8: byte 0x{byte:02x} at byte {error.start} ({error.reason})"


def is_text_type(column_type: pa.DataType) -> bool:
    """Return True for Arrow types that can hold review text."""
    if pa.types.is_dictionary(column_type):
        column_type = column_type.value_type
    kinds = (is_text, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_kind(column_type) for is_kind in kinds)


def shorten(text: str, length: int = 200) -> str:
    """Return a text that fits into a message."""
    return text if len(text) <= length else f"{text[:length]}..."


def label_array(values: Sequence[Any]) -> pa.Array:
    """Return labels as a column, as strings where they are of several types."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])


def _label_reason(labels: pa.Array, row: int, columns: ReviewColumns) -> str:
    try:
        value = labels[row].as_py()
    except UnicodeDecodeError as error:
        return f"{columns.label} is {utf8_reason(error)}"
    if value is None or value == "":
        return f"{columns.label} is {'null' if value is None else 'empty'}"
    shown = f"{columns.label} {shorten(repr(value))}"
    if columns.problem_type == REGRESSION:
        return f"{shown} is not a finite number"
    if columns.problem_type == MULTI:
        return f"{shown} {multi_hot(value, columns.numbers)}"
    known = columns.classes or tuple(columns.label_numbers or ())
    if not known:
        return f"{shown} is not a 64-bit integer"
    return f"{shown} is not one of the labels ({shorten(', '.join(known))})"
