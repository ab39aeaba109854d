"""The rows of many shards by number: opens a shard when one of its rows is needed, and gathers.

A shard is an Arrow IPC file of record batches (see docs/format.md). The values of a column lie in
one buffer for each batch, so that a row is found by arithmetic: `start of the batch's buffer +
(row - first row of the batch) * bytes of a row`. A gather joins slices of the mapped files.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from training.reading.mapped_shard import (
    Column,
    ColumnType,
    DamagedShardError,
    MappedShard,
    map_shard,
)
from training.reading.shard_cache import CacheFullError
from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.dataset.shards import ROWS_PER_BATCH
from transforms.functional.errors import DatasetError
from transforms.functional.wording import counted

Integers = npt.NDArray[np.int64]

_OFFSET = np.dtype(np.int32)  # Of the rows of a ragged column.

# A shard of the window that is read now comes up every few batches.
_IDLE_FINDS = 500


@dataclass(eq=False, slots=True)  # Not frozen: one is made for every batch, and that is slow.
class Places:
    """Where rows are, each (n,) int64.

    Attributes:
        shard: The shard.
        batch: The record batch, counted over all shards.
        row: The row in the record batch.
        numbers: The shards once more, as a list.
        files: The bytes of the shards, by number; those of the rows are there.
    """

    shard: Integers
    batch: Integers
    row: Integers
    numbers: list[int]
    files: Mapping[int, memoryview]


class ShardSource(Protocol):
    """Where shards' files come from."""

    @property
    def is_bounded(self) -> bool:
        """True where the files of shards that are not read should be let go."""

    def name(self, shard: int) -> str:
        """Return a shard's path or URL, for messages."""

    def path(self, shard: int, *, patient: bool = False) -> Path:
        """Return a shard's local file, and hold it; `patient`: wait for room."""

    def release(self, shard: int) -> None:
        """Let a shard's file go."""

    def discard(self, shard: int) -> bool:
        """Remove a damaged copy of a shard; return False where the file is the shard itself."""

    def add_reader(self, reader: ShardFiles) -> None:
        """Make known who holds files, and lets them go where room is needed."""


class ShardFiles:
    """Rows of many shards, by number; rows are counted over all shards in order.

    Args:
        source: Gives their local files, which may take a download.
    """

    def __init__(self, shards: Sequence[ShardEntry], source: ShardSource) -> None:
        """Lay the table out; no file is opened before one of its rows is asked for."""
        self._shards = shards
        self._source = source
        shard_rows = np.array([shard.rows for shard in shards], np.int64)
        n_batches = -(-shard_rows // ROWS_PER_BATCH)
        self._first_batch = np.concatenate([[0], np.cumsum(n_batches)])
        self._shard_of_batch = np.repeat(np.arange(len(shard_rows)), n_batches)
        self.shard_first_row = np.concatenate([[0], np.cumsum(shard_rows)])
        inside = np.arange(self._first_batch[-1]) - self._first_batch[self._shard_of_batch]
        first_row = self.shard_first_row[self._shard_of_batch]
        # A record batch that is none stands for rows behind the last, and before the first.
        self._batch_first_row = np.append(first_row + inside * ROWS_PER_BATCH, len(self))
        self._shard_of_batch = np.append(self._shard_of_batch, len(shard_rows))
        self._columns: dict[str, Column] = {}
        self._mapped: dict[int, memoryview] = {}
        self._checked: set[int] = set()
        self._finds = 0
        self._is_finding = False
        self._last_find = np.zeros(len(shard_rows), np.int64)
        self.last_read = time.monotonic()
        source.add_reader(self)

    def __getstate__(self) -> dict[str, Any]:
        """Leave mappings out: another process makes its own."""
        return vars(ShardFiles(self._shards, self._source))

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.shard_first_row[-1])

    def find(self, rows: Integers) -> Places:
        """Return where rows (n,) are, and open the shards that they need.

        Raises:
            IndexError: there is no such row.
            DatasetError: a shard is missing, damaged, or not of this dataset.
        """
        batch = self._batch_first_row.searchsorted(rows, "right") - 1
        shard = self._shard_of_batch[batch]
        numbers = shard.tolist()
        if len(self._shards) in numbers:
            wrong = rows[shard == len(self._shards)]
            raise IndexError(
                f"there is no row {wrong[0]}: the subset has {counted(len(self), 'row')}"
            )
        if self._source.is_bounded:
            self._last_find[shard] = self._finds + 1
            files = self._open_bounded(numbers)
        else:
            files = self._open_all(numbers)
        return Places(shard, batch, rows - self._batch_first_row[batch], numbers, files)

    def let_go(self) -> None:
        """Close all shards but those of a batch that is being put together.

        Another thread may call it: who reads a batch has hold of the files itself.
        """
        self._close_idle(1 if self._is_finding else 0)

    def gather(self, name: str, places: Places) -> np.ndarray:
        """Return the values of a column: (n, length) of a fixed-size list, (n,) of a scalar.

        Bits come as uint8, 0 or 1.
        """
        column = self._column(name)
        if column.type.bits == 1:
            return self._gather_bits(column, places)
        row_bytes = column.type.width * column.type.dtype.itemsize
        begin = column.values[places.batch] + places.row * row_bytes
        values = self._join(places, begin, begin + row_bytes, column.type.dtype)
        return values.reshape(len(begin), column.type.width) if column.type.is_list else values

    def gather_ragged(self, name: str, places: Places) -> tuple[np.ndarray, Integers]:
        """Return the values of ragged rows end to end, and (n,) the lengths of the rows."""
        column = self._column(name)
        first, lengths = self._ragged_bounds(column, places)
        start = column.values[places.batch]
        if column.type.bits > 1:
            size = column.type.dtype.itemsize
            begin = start + first * size
            return self._join(places, begin, begin + lengths * size, column.type.dtype), lengths
        begin, end = start + first // 8, start + -(-(first + lengths) // 8)
        bits = np.unpackbits(self._join(places, begin, end), bitorder="little")
        # Where each row's first bit is among those joined, less the bits of the rows before it.
        joined_bytes = end - begin
        shift = 8 * (np.cumsum(joined_bytes) - joined_bytes) + first % 8
        shift -= np.cumsum(lengths) - lengths
        return bits[np.arange(int(lengths.sum())) + np.repeat(shift, lengths)], lengths

    def ragged_lengths(self, name: str, places: Places) -> Integers:
        """Return the lengths (n,) of ragged rows."""
        return self._ragged_bounds(self._column(name), places)[1]

    def _column(self, name: str) -> Column:
        column = self._columns.get(name)
        if column is None:
            raise DatasetError(
                f"the shards have no column {name!r}, only {', '.join(self._columns)}: choose "
                f"other columns, or make the dataset with the option that writes it"
            )
        return column

    def _ragged_bounds(self, column: Column, places: Places) -> tuple[Integers, Integers]:
        """Return (n,) the first value of ragged rows in their record batch, and their lengths."""
        begin = column.offsets[places.batch] + places.row * _OFFSET.itemsize
        offsets = self._join(places, begin, begin + 2 * _OFFSET.itemsize, _OFFSET)
        first, end = offsets.reshape(-1, 2).astype(np.int64).T
        return first, end - first

    def _gather_bits(self, column: Column, places: Places) -> npt.NDArray[np.uint8]:
        width = column.type.width
        if width % 8 == 0:
            row_bytes = width // 8
            begin = column.values[places.batch] + places.row * row_bytes
            packed = self._join(places, begin, begin + row_bytes)
            return np.unpackbits(packed, bitorder="little").reshape(len(begin), width)
        # A row may begin inside a byte: the bytes around it are taken, and then cut. What is read
        # behind a column's last byte is the file's footer.
        first, row_bytes = places.row * width, (width + 14) // 8
        begin = column.values[places.batch] + first // 8
        packed = self._join(places, begin, begin + row_bytes).reshape(len(begin), row_bytes)
        bits = np.unpackbits(packed, axis=1, bitorder="little")
        return np.take_along_axis(bits, (first % 8)[:, None] + np.arange(width), axis=1)

    def _join(
        self, places: Places, begin: Integers, end: Integers, dtype: npt.DTypeLike = np.uint8
    ) -> np.ndarray:
        """Return bytes `begin` to `end` of the shard of each place, end to end, as `dtype`."""
        mapped = places.files
        slices = zip(places.numbers, begin.tolist(), end.tolist(), strict=True)
        # Into a bytearray: torch wants memory that may be written to.
        joined = bytearray().join([mapped[shard][first:last] for shard, first, last in slices])
        return np.frombuffer(joined, dtype)

    def _open_all(self, numbers: list[int]) -> Mapping[int, memoryview]:
        """Open the shards that are not yet, for good."""
        if len(self._mapped) < len(self._shards):
            for number in dict.fromkeys(numbers):
                if number not in self._mapped:
                    self._open(number)
        return self._mapped

    def _open_bounded(self, numbers: list[int]) -> Mapping[int, memoryview]:
        """Open the shards that are not yet, and return their bytes."""
        self._finds += 1
        self.last_read = time.monotonic()
        self._is_finding, files = True, {}
        try:
            for number in dict.fromkeys(numbers):
                data = self._mapped.get(number)
                if data is None:
                    self._close_idle(_IDLE_FINDS)
                    data = self._open(number)
                files[number] = data
        finally:
            self._is_finding = False
        return files

    def _close_idle(self, finds: int) -> None:
        """Close shards that none of the last `finds` batches read, so that they may be removed."""
        for shard in list(self._mapped):
            idle = self._last_find[shard] <= self._finds - finds
            # Another thread may close it, too: only one of them finds it.
            if idle and self._mapped.pop(shard, None) is not None:
                self._source.release(shard)

    def _open(self, shard: int) -> memoryview:
        try:
            mapped = self._map(shard)
        except DamagedShardError:
            # A copy may go bad where it is kept; that says nothing of the dataset.
            if not self._source.discard(shard):
                raise
            mapped = self._map(shard)
        first, end = self._first_batch[shard], self._first_batch[shard + 1]
        for name, column in mapped.columns.items():
            ours = self._columns.setdefault(name, self._empty(column.type))
            if ours.type != column.type:
                raise DatasetError(
                    f"shard {self._source.name(shard)} has another type of column {name!r} than "
                    f"the shards before it: make the dataset again with --overwrite"
                )
            ours.values[first:end] = column.values
            ours.offsets[first:end] = column.offsets
        self._mapped[shard] = mapped.data
        return mapped.data

    def _empty(self, column_type: ColumnType) -> Column:
        n_batches = int(self._first_batch[-1])
        return Column(column_type, np.zeros(n_batches, np.int64), np.zeros(n_batches, np.int64))

    def _map(self, shard: int) -> MappedShard:
        entry, name = self._shards[shard], self._source.name(shard)
        mapped = map_shard(self._path(shard), name, entry, check_hash=shard not in self._checked)
        self._checked.add(shard)
        return mapped

    def _path(self, shard: int) -> Path:
        try:
            return self._source.path(shard)
        except CacheFullError:
            # Keep only what this batch needs, and try again.
            self._close_idle(1)
            return self._source.path(shard, patient=True)
