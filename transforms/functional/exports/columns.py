"""The columns of a shard in the types that trainers compute with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# Of the files of an export: what the formats' own writers make by default.
CHUNK_BYTES = 64 << 20

# Names of files, and their bytes in order. What stands under one name is one file, in pieces. The
# last file is the index, without which a reader finds nothing.
Files = Iterator[tuple[str, bytes]]


@dataclass(frozen=True, kw_only=True)
class ExportRows:
    """What is exported.

    Attributes:
        tables: The rows, in order.
        schema: Their columns.
        vocab_size: Number of token ids.
        version: Another one for other rows.
        chunk_bytes: Most bytes of rows in a file, where a format has several.
    """

    tables: Iterable[pa.Table]
    schema: pa.Schema
    vocab_size: int
    version: str
    chunk_bytes: int = CHUNK_BYTES

    def columns(self) -> list[ExportColumn]:
        """Return the columns without rows, which tells their types."""
        return export_columns(self.schema.empty_table())

    def batches(self) -> Iterator[list[ExportColumn]]:
        """Yield the columns of some thousand rows at a time."""
        for table in self.tables:
            for batch in table.to_batches():
                yield export_columns(pa.Table.from_batches([batch]))


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportColumn:
    """A column of some rows.

    Attributes:
        name: Its name.
        values: (n_values,), the rows end to end: int32 token ids, uint8 for bits, float32, and
            int64 for all others.
        offsets: (n_rows + 1,) int64, where each row begins and ends in `values`.
        is_list: False where a row has one value.
        width: Values of each row; None where rows have lengths of their own.
    """

    name: str
    values: npt.NDArray[Any]
    offsets: npt.NDArray[np.int64]
    is_list: bool
    width: int | None

    def rows(self) -> Iterator[bytes]:
        """Yield the values of each row as bytes, little-endian."""
        little = self.values.astype(self.values.dtype.newbyteorder("<"), copy=False)
        data = little.tobytes()
        ends = (self.offsets * self.values.itemsize).tolist()
        for begin, end in pairwise(ends):
            yield data[begin:end]

    def lists(self) -> list[Any]:
        """Return the values of each row as Python numbers, in lists where rows are lists."""
        values: list[Any] = self.values.tolist()
        if not self.is_list:
            return values
        ends = self.offsets.tolist()
        return [values[begin:end] for begin, end in pairwise(ends)]


def export_columns(table: pa.Table) -> list[ExportColumn]:
    """Return the columns of a shard, in order of their names."""
    return [_column(name, table.column(name)) for name in sorted(table.column_names)]


def _column(name: str, column: pa.ChunkedArray) -> ExportColumn:
    rows = column.combine_chunks()
    is_list = bool(pa.types.is_nested(rows.type))
    width: int | None = 1
    if is_list:
        width = rows.type.list_size if pa.types.is_fixed_size_list(rows.type) else None
    if width is None:
        offsets = rows.offsets.to_numpy().astype(np.int64)
        offsets -= offsets[0]
    else:
        offsets = np.arange(len(rows) + 1, dtype=np.int64) * width
    numbers = (rows.flatten() if is_list else rows).to_numpy(zero_copy_only=False)
    if name == "input_ids":
        kind: Any = np.int32
    elif numbers.dtype == np.bool_:
        kind = np.uint8
    else:
        kind = np.float32 if numbers.dtype.kind == "f" else np.int64
    return ExportColumn(
        name=name,
        values=numbers.astype(kind, copy=False),
        offsets=offsets,
        is_list=is_list,
        width=width,
    )


def chunked(rows: Iterable[bytes], chunk_bytes: int) -> Iterator[Sequence[bytes]]:
    """Yield consecutive rows of together `chunk_bytes` at most, or one row that is longer."""
    chunk: list[bytes] = []
    size = 0
    for row in rows:
        if chunk and size + len(row) > chunk_bytes:
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += len(row)
    if chunk:
        yield chunk


def row_index(rows: Sequence[bytes], before: int) -> bytes:
    """Return what MDS and litdata put before rows: their number, and where each begins and ends.

    Args:
        before: Bytes that stand between the index and the first row.
    """
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    ends = np.concatenate([[0], np.cumsum(lengths)])
    ends += 4 + 4 * len(ends) + before
    return np.concatenate([[len(rows)], ends]).astype("<u4").tobytes()
