"""Parquet: only the columns needed, row group by row group.

The place of a review is its row number in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.tables import batch_chunk, check_columns
from transforms.functional.reviews import ReviewChunk

ROWS_PER_CHUNK = 4096


def read_parquet(
    stream: IO[bytes],
    source: int,
    columns: ReviewColumns,
    start: int = 0,
    end: int | None = None,
) -> Iterator[ReviewChunk]:
    """Yield the reviews of row groups `start` to `end` (exclusive; None: all).

    Raises:
        InputError: a column is missing, or holds no text.
        pyarrow.ArrowInvalid, OSError: the file is damaged.
    """
    file = pq.ParquetFile(stream)
    check_columns(file.schema_arrow, columns)
    rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    groups = range(file.num_row_groups)[start:end]
    record = sum(rows[:start])
    for batch in file.iter_batches(ROWS_PER_CHUNK, row_groups=groups, columns=columns.names()):
        records = np.arange(record, record + batch.num_rows, dtype=np.uint64)
        yield batch_chunk(batch, records, source, columns)
        record += batch.num_rows


def parquet_schema(stream: IO[bytes]) -> pa.Schema:
    """Return the Arrow schema in a Parquet file's footer."""
    return pq.read_schema(stream)


def row_group_bytes(stream: IO[bytes], text_column: str) -> list[int]:
    """Return the uncompressed bytes of the text column (all columns, if missing) by row group."""
    metadata = pq.ParquetFile(stream).metadata
    paths = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    if text_column not in paths:
        return [group.total_byte_size for group in groups]
    place = paths.index(text_column)
    return [group.column(place).total_uncompressed_size for group in groups]
