"""The rows of several datasets as those of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from training.reading.row_reader import Batch, RowBatch, concatenate
from training.reading.row_subset import RowSource


class MixedRows:
    """The rows of several datasets under one numbering: those of the second follow the first's.

    Args:
        sources: The datasets; they must give the same columns.
        pad_id: Id of padding, for ragged rows.
    """

    def __init__(self, sources: Sequence[RowSource], *, pad_id: int = 0) -> None:
        """Count the rows."""
        self._sources = list(sources)
        self._pad_id = pad_id
        self._fills = {"input_ids": pad_id, "word_ids": -1, "labels": -100}
        self.first_row = np.concatenate([[0], np.cumsum([len(source) for source in sources])])
        self.first_shard = np.cumsum([0, *(len(source.shard_rows) for source in sources)])
        self.shard_rows = [rows for source in sources for rows in source.shard_rows]

    @property
    def is_local(self) -> bool:
        """True where no shard has to be fetched."""
        return all(source.is_local for source in self._sources)

    def with_columns(self, columns: Sequence[str]) -> MixedRows:
        """Return the same rows with other columns."""
        sources = [source.with_columns(columns) for source in self._sources]
        return MixedRows(sources, pad_id=self._pad_id)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.first_row[-1])

    def __getitem__(self, rows: RowBatch) -> Batch:
        """Return a batch; its rows may come from any of the datasets."""
        which = np.searchsorted(self.first_row, rows.rows, "right") - 1
        batches, places = [], []
        for number in np.unique(which).tolist() or [0]:
            place = np.flatnonzero(which == number)
            inside = RowBatch(rows.rows[place] - self.first_row[number], rows.epochs[place])
            batches.append(self._sources[number][inside])
            places.append(place)
        return concatenate(batches, np.argsort(np.concatenate(places)), self._fills)

    def lengths(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the number of tokens (n,) of rows (n,)."""
        which = np.searchsorted(self.first_row, rows, "right") - 1
        lengths = np.empty(len(rows), np.int64)
        for number in np.unique(which).tolist():
            inside = which == number
            lengths[inside] = self._sources[number].lengths(rows[inside] - self.first_row[number])
        return lengths

    def fetch_ahead(self, shards: Iterable[int]) -> None:
        """Begin to fetch shards, numbered over all datasets."""
        for number, source in enumerate(self._sources):
            begin, end = self.first_shard[number], self.first_shard[number + 1]
            source.fetch_ahead([int(shard - begin) for shard in shards if begin <= shard < end])
