"""What Parquet and Arrow files share: a batch of columns becomes a chunk of reviews."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.errors import BadInputError, MissingColumnError
from transforms.functional.problem_type_names import MULTI, REGRESSION, SINGLE
from transforms.functional.readers.columns import ReviewColumns, is_text_type, review_chunk, shorten
from transforms.functional.reviews.labels import are_names, dictionary_decoded, hugging_face_classes
from transforms.functional.reviews.problem_types import can_hold, is_list, list_texts
from transforms.functional.reviews.reviews import ReviewChunk
from transforms.functional.unpacking.compression import RatioGuard

_BYTES_OF = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}


def check_names(names: Sequence[str], columns: ReviewColumns, what: str = "columns") -> None:
    """Raise `MissingColumnError` when a column is missing, or there more than once."""
    for name in columns.names():
        if name not in names:
            raise MissingColumnError(
                f"no column {name!r} ({what}: {shorten(', '.join(map(repr, names)))}): name the "
                f"right one with --text_column or --label_column"
            )
        if names.count(name) > 1:
            raise MissingColumnError(f"{names.count(name)} columns are called {name!r}")


def check_columns(schema: pa.Schema, columns: ReviewColumns) -> None:
    """Raise `MissingColumnError` when a column is missing or of the wrong kind.

    Raises:
        InputError: the file's classes are others than those of the files before.
    """
    check_names(schema.names, columns)
    text_type = schema.field(columns.text).type
    if not is_text_type(text_type) and not columns.only_names:
        raise MissingColumnError(f"column {columns.text!r} holds {text_type}, not text")
    if columns.label is not None:
        _check_label_type(schema.field(columns.label).type, columns)
    theirs = () if columns.label is None else hugging_face_classes(schema, columns.label)
    if columns.classes and theirs != columns.classes[: len(theirs)]:
        raise BadInputError(
            f"its classes are {shorten(', '.join(theirs))}, but those of --label_names or of the "
            f"first input are {shorten(', '.join(columns.classes))}: bring them into one order"
        )


def has_no_names(schema: pa.Schema, columns: ReviewColumns) -> bool:
    """Return True where names are looked for in a column of numbers or nulls."""
    label_type = schema.field(columns.text).type
    may_be_list = columns.problem_type == MULTI and pa.types.is_nested(label_type)
    return columns.only_names and not may_be_list and not are_names(label_type)


def table_chunks(
    batches: Iterable[pa.RecordBatch],
    record: int,
    source: int,
    columns: ReviewColumns,
    n_bytes: int,
) -> Iterator[ReviewChunk]:
    """Yield the reviews of record batches that have the columns asked for.

    Args:
        batches: Consecutive ones of a file.
        record: Row number of the first row.
        source: Index of the file.
        columns: The columns, and the label mapping.
        n_bytes: Size of the file.

    Raises:
        pyarrow.ArrowInvalid: an offset or an index leads out of its buffer.
        InputError: texts take far more bytes than the file has.
    """
    guard = RatioGuard(n_bytes)
    for batch in batches:
        _check_batch(batch, columns, guard)
        records = np.arange(record, record + batch.num_rows, dtype=np.uint64)
        yield _batch_chunk(batch, records, source, columns)
        record += batch.num_rows


def _check_batch(batch: pa.RecordBatch, columns: ReviewColumns, guard: RatioGuard) -> None:
    """Look at a batch before any value of it is used: a file may say what it likes."""
    for column in batch.columns:
        _without_encoding(column).validate(full=True)
    texts = batch.column(columns.text)
    if pa.types.is_nested(texts.type):
        guard.add_unpacked(texts.nbytes)
        return
    if pa.types.is_dictionary(texts.type):
        lengths = pc.binary_length(_bytes_of(texts.dictionary)).take(texts.indices)
    else:
        lengths = pc.binary_length(_bytes_of(texts))
    # A null takes room, too, once it is a rejected record.
    guard.add_unpacked(int(pc.sum(lengths).as_py() or 0) + 8 * batch.num_rows)


def _without_encoding(values: pa.Array) -> pa.Array:
    """Return strings as bytes: a text that is not UTF-8 is its record's fault, not the file's."""
    if not pa.types.is_dictionary(values.type):
        return _viewed_as_bytes(values)
    distinct = _viewed_as_bytes(values.dictionary)
    return pa.DictionaryArray.from_arrays(values.indices, distinct, safe=False)


def _viewed_as_bytes(values: pa.Array) -> pa.Array:
    bytes_type = _BYTES_OF.get(values.type)
    return values if bytes_type is None else values.view(bytes_type)


def _bytes_of(values: pa.Array) -> pa.Array:
    """Return texts as what Arrow can tell the length of."""
    viewed = _viewed_as_bytes(values)
    return viewed.cast(pa.large_binary()) if pa.types.is_binary_view(viewed.type) else viewed


def _batch_chunk(
    batch: pa.RecordBatch, records: np.ndarray, source: int, columns: ReviewColumns
) -> ReviewChunk:
    takes_lists = columns.problem_type == MULTI
    texts = dictionary_decoded(batch.column(columns.text))
    if columns.only_names and takes_lists:
        texts = list_texts(texts, hugging_face_classes(batch.schema, columns.text))
    labels = None if columns.label is None else batch.column(columns.label)
    if labels is not None and takes_lists:
        labels = list_texts(labels, hugging_face_classes(batch.schema, columns.label or ""))

    def raw(row: int) -> bytes:
        value = texts.slice(row, 1).cast(pa.large_binary())[0].as_py()
        return b"" if value is None else bytes(value)

    return review_chunk(
        texts=texts,
        labels=labels,
        records=records,
        source=source,
        columns=columns,
        raw=raw,
    )


def _check_label_type(label_type: pa.DataType, columns: ReviewColumns) -> None:
    """Raise `MissingColumnError` where a column of this type cannot hold labels of a kind."""
    if can_hold(label_type, columns.problem_type):
        return
    wanted = {REGRESSION: "numbers", MULTI: "lists of classes", SINGLE: "class labels"}
    raise MissingColumnError(
        f"column {columns.label!r} holds {label_type}, not {wanted[columns.problem_type]}"
        + (f": pass --problem_type {MULTI} for several a review" if is_list(label_type) else "")
    )
