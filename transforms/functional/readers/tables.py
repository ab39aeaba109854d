"""What Parquet and Arrow files share: a batch of columns becomes a chunk of reviews."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from transforms.functional.errors import MissingColumnError
from transforms.functional.readers.columns import (
    ReviewColumns,
    is_text_type,
    review_chunk,
    shorten,
)
from transforms.functional.reviews.labels import are_names, dictionary_decoded
from transforms.functional.reviews.reviews import ReviewChunk


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
    """Raise `MissingColumnError` when a column is missing or of the wrong kind."""
    check_names(schema.names, columns)
    text_type = schema.field(columns.text).type
    if not is_text_type(text_type):
        raise MissingColumnError(f"column {columns.text!r} holds {text_type}, not text")
    if columns.label is not None and not _is_label(schema.field(columns.label).type):
        label_type = schema.field(columns.label).type
        raise MissingColumnError(f"column {columns.label!r} holds {label_type}, not class labels")


def batch_chunk(
    batch: pa.RecordBatch, records: np.ndarray, source: int, columns: ReviewColumns
) -> ReviewChunk:
    """Return the reviews of one record batch that has the columns asked for."""
    texts = dictionary_decoded(batch.column(columns.text))

    def raw(row: int) -> bytes:
        value = texts.slice(row, 1).cast(pa.large_binary())[0].as_py()
        return b"" if value is None else bytes(value)

    return review_chunk(
        texts=texts,
        labels=None if columns.label is None else batch.column(columns.label),
        records=records,
        source=source,
        columns=columns,
        raw=raw,
    )


def _is_label(label_type: pa.DataType) -> bool:
    if pa.types.is_dictionary(label_type):
        label_type = label_type.value_type
    return bool(
        pa.types.is_integer(label_type)
        or pa.types.is_floating(label_type)
        or pa.types.is_boolean(label_type)
        or pa.types.is_null(label_type)
        or are_names(label_type)
    )
