"""The columns of all shards as arrays that are gathered row by row number, without a loop.

A shard is an Arrow IPC file of record batches (see docs/format.md). The values of a column lie in
one buffer for each batch, so that a row is found by arithmetic: `start of the batch's buffer +
(row - first row of the batch) * values in a row`. What of this depends on the batch alone makes one
small table for all shards; with the shards in one range of addresses, the rows of a batch are one
numpy gather.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numpy.lib.stride_tricks import as_strided

from training.reading.address_range import AddressRange
from training.reading.shard_cache import CacheFullError
from transforms.functional.dataset.shards import ROWS_PER_BATCH
from transforms.functional.errors import DatasetError

Rows = npt.NDArray[np.int64]

_OFFSETS = np.dtype(np.int32)  # Of the rows of a ragged column.

# A shard of the window that is read now comes up every few batches.
_IDLE_FINDS = 500


@dataclass(eq=False, slots=True)  # Not frozen: one is made for every batch, and that is slow.
class Places:
    """Where rows are: (n,) the row, and its record batch, both counted over the dataset."""

    row: npt.NDArray[np.int64]
    batch: npt.NDArray[np.int64]


class ShardSource(Protocol):
    """Where shards' files come from."""

    @property
    def is_bounded(self) -> bool:
        """True where the files of shards that are not read should be let go."""

    def path(self, shard: int, *, patient: bool = False) -> Path:
        """Return a shard's local file, and hold it; `patient`: wait for room."""

    def release(self, shard: int) -> None:
        """Let a shard's file go."""


class _Column:
    """Where the values of one column are; places are counted in values from the range's start.

    Attributes:
        start: (n_batches,) of a fixed-size column: row `r` of the dataset begins at `start + r *
            width`. Of a ragged one: the first value of each record batch.
        offsets: (n_batches,) of a ragged column: `offsets + r` is the place of row `r`'s offset.
    """

    def __init__(self, data_type: pa.DataType, n_batches: int) -> None:
        nested = pa.types.is_nested(data_type)
        value_type = data_type.value_type if nested else data_type
        self.bits = bool(pa.types.is_boolean(value_type))
        self.bit_width = int(value_type.bit_width)
        self.dtype = np.dtype(np.uint8 if self.bits else value_type.to_pandas_dtype())
        self.is_ragged = bool(pa.types.is_list(data_type))
        fixed = pa.types.is_fixed_size_list(data_type)
        self.width = int(data_type.list_size) if fixed else 1
        self.is_scalar = not nested
        self.start = np.zeros(n_batches, np.int64)
        self.offsets = np.zeros(n_batches, np.int64)


class ShardFiles:
    """Rows of many shards, by number; rows are counted over all shards in order.

    Args:
        rows: Rows of each shard.
        sizes: Bytes of each shard file.
        source: Gives the local files of shards, which may take a download.
    """

    def __init__(self, rows: Sequence[int], sizes: Sequence[int], source: ShardSource) -> None:
        """Lay the table out; no file is opened before one of its rows is asked for."""
        self._sizes = list(sizes)
        self._source = source
        shard_rows = np.asarray(rows, np.int64)
        n_batches = -(-shard_rows // ROWS_PER_BATCH)
        self._first_batch = np.concatenate([[0], np.cumsum(n_batches)])
        self.shard_of_batch = np.repeat(np.arange(len(shard_rows)), n_batches)
        self.shard_first_row = np.concatenate([[0], np.cumsum(shard_rows)])
        inside = np.arange(self._first_batch[-1]) - self._first_batch[self.shard_of_batch]
        self._batch_first_row = self.shard_first_row[self.shard_of_batch] + inside * ROWS_PER_BATCH
        self._ready = np.zeros(len(self._batch_first_row), np.bool_)
        self._n_closed = len(shard_rows)
        self._finds = 0
        self._last_find = np.zeros(len(shard_rows), np.int64)
        self._columns: dict[str, _Column] = {}
        self._views: dict[tuple[Any, ...], np.ndarray] = {}
        self._range: AddressRange | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave mappings out: another process makes its own."""
        empty = ShardFiles(np.diff(self.shard_first_row).tolist(), self._sizes, self._source)
        return vars(empty)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.shard_first_row[-1])

    def find(self, rows: Rows) -> Places:
        """Return where rows (n,) are, and map the shards that they need.

        Raises:
            DatasetError: a shard is missing, damaged, or not of this dataset.
        """
        batch = np.searchsorted(self._batch_first_row, rows, "right") - 1
        if self._source.is_bounded:
            self._finds += 1
            self._last_find[self.shard_of_batch[batch]] = self._finds
        if self._n_closed and not self._ready[batch].all():
            for shard in np.unique(self.shard_of_batch[batch[~self._ready[batch]]]).tolist():
                self._close_idle(_IDLE_FINDS)
                self._open(shard)
        return Places(rows, batch)

    def gather(self, name: str, places: Places) -> np.ndarray:
        """Return the values of a column: (n, length) of a fixed-size list, (n,) of a scalar.

        Bits come as uint8, 0 or 1.
        """
        column = self._column(name)
        at = column.start[places.batch] + places.row * column.width
        if column.bits:
            return self._gather_bits(at, column.width)
        gathered: np.ndarray = self._view(column.dtype, column.width)[at]
        return gathered[:, 0] if column.is_scalar else gathered

    def gather_ragged(self, name: str, places: Places) -> tuple[np.ndarray, npt.NDArray[np.int64]]:
        """Return the values of ragged rows end to end, and (n,) the lengths of the rows."""
        column = self._column(name)
        begin, lengths = self._ragged_bounds(column, places)
        shift = column.start[places.batch] + begin - (np.cumsum(lengths) - lengths)
        at = np.arange(int(lengths.sum())) + np.repeat(shift, lengths)
        if column.bits:
            packed = self._bytes()[at >> 3]
            return (packed >> (at & 7).astype(np.uint8)) & np.uint8(1), lengths
        return self._bytes().view(column.dtype)[at], lengths

    def ragged_lengths(self, name: str, places: Places) -> npt.NDArray[np.int64]:
        """Return the lengths (n,) of ragged rows."""
        return self._ragged_bounds(self._column(name), places)[1]

    def close(self, shard: int) -> None:
        """Unmap a shard; it is mapped again when one of its rows is asked for."""
        if self._ready[self._first_batch[shard]]:
            self._ready[self._first_batch[shard] : self._first_batch[shard + 1]] = False
            self._n_closed += 1
            self._addresses().unmap(shard)
            self._source.release(shard)

    def _column(self, name: str) -> _Column:
        column = self._columns.get(name)
        if column is None:
            raise DatasetError(
                f"the shards have no column {name!r}, only {', '.join(self._columns)}: choose "
                f"other columns, or make the dataset with the option that writes it"
            )
        return column

    def _ragged_bounds(
        self, column: _Column, places: Places
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        at = column.offsets[places.batch] + places.row
        offsets = self._bytes().view(_OFFSETS)
        begin = offsets[at].astype(np.int64)
        return begin, offsets[at + 1] - begin

    def _gather_bits(self, bit: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint8]:
        at = bit >> 3
        if width % 8 == 0:
            packed = self._view(np.dtype(np.uint8), width // 8)[at]
            return np.unpackbits(packed, axis=1, bitorder="little")
        # A row begins inside a byte: take the bytes around it, and cut.
        packed = self._view(np.dtype(np.uint8), (width + 14) // 8)[at]
        unpacked = np.unpackbits(packed, axis=1, bitorder="little")
        return np.take_along_axis(unpacked, (bit & 7)[:, None] + np.arange(width), axis=1)

    def _view(self, dtype: np.dtype[Any], width: int) -> np.ndarray:
        """Return every run of `width` values as a row: runs overlap, and nothing is copied.

        The row that begins at value `i` is row `i`, so that a gather needs no common divisor of
        the shards' places.
        """
        view = self._views.get((dtype, width))
        if view is None:
            flat = self._bytes().view(dtype)
            shape, strides = (len(flat) - width + 1, width), (flat.itemsize, flat.itemsize)
            view = as_strided(flat, shape, strides, writeable=False)
            self._views[dtype, width] = view
        return view

    def _bytes(self) -> npt.NDArray[np.uint8]:
        return self._addresses().bytes

    def _addresses(self) -> AddressRange:
        if self._range is None:
            self._range = AddressRange(self._sizes)
        return self._range

    def _close_idle(self, finds: int) -> None:
        """Close shards that none of the last `finds` batches read, so that they may be removed."""
        if self._source.is_bounded:
            is_open = self._ready[self._first_batch[:-1]]
            idle = is_open & (self._last_find <= self._finds - finds)
            for shard in np.flatnonzero(idle).tolist():
                self.close(shard)

    def _path(self, shard: int) -> Path:
        try:
            return self._source.path(shard)
        except CacheFullError:
            # Keep only what this batch needs, and try again.
            self._close_idle(1)
            return self._source.path(shard, patient=True)

    def _open(self, shard: int) -> None:
        path = self._path(shard)
        addresses = self._addresses()
        if not addresses.is_mapped(shard):
            addresses.map(shard, path)
        try:
            reader = pa.ipc.open_file(pa.py_buffer(addresses.file_bytes(shard)))
            batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        except pa.ArrowInvalid as error:
            raise DatasetError(f"shard {path} is damaged, no Arrow file: {error}") from error
        first, end = self._first_batch[shard], self._first_batch[shard + 1]
        expected = np.full(end - first, ROWS_PER_BATCH)
        expected[-1] = self.shard_first_row[shard + 1] - self._batch_first_row[end - 1]
        if [batch.num_rows for batch in batches] != expected.tolist():
            raise DatasetError(f"shard {path} has other rows than its manifest says: make it again")
        for name, data_type in zip(reader.schema.names, reader.schema.types, strict=True):
            column = self._columns.setdefault(name, _Column(data_type, len(self._ready)))
            for number, batch in enumerate(batches, start=first):
                self._note(column, number, batch.column(name))
        self._ready[first:end] = True
        self._n_closed -= 1

    def _note(self, column: _Column, batch: int, array: pa.Array) -> None:
        """Write down where a column of a record batch lies in the range."""
        base, end = self._bytes().ctypes.data, len(self._bytes())
        places = [buffer.address - base for buffer in array.buffers() if buffer is not None]
        if not places or not all(0 <= place < end for place in places):
            # Arrow copied the values: they are compressed, or not aligned.
            raise DatasetError(
                "a shard's columns cannot be read in place: it was not written by this project; "
                "make the dataset again with --overwrite"
            )
        first_row = self._batch_first_row[batch]
        column.start[batch] = places[-1] * 8 // column.bit_width
        if column.is_ragged:
            column.offsets[batch] = places[0] // _OFFSETS.itemsize - first_row
        else:
            column.start[batch] -= first_row * column.width
