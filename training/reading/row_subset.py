"""Some rows of a dataset as a dataset: a sample to train on, or rows set apart to evaluate on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.reading.dataset import ShardDataset
from training.reading.row_reader import Batch, RowBatch


class RowSource(Protocol):
    """What training needs of a dataset: rows in shards, read in batches."""

    shard_rows: list[int]

    @property
    def is_local(self) -> bool:
        """True where no shard has to be fetched."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def __getitem__(self, rows: RowBatch, /) -> Batch:
        """Return a batch."""

    def with_columns(self, columns: Sequence[str]) -> RowSource:
        """Return the same rows with other columns."""

    def lengths(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the number of tokens (n,) of rows (n,)."""

    def fetch_ahead(self, shards: Iterable[int]) -> None:
        """Begin to fetch shards."""


class RowSubset:
    """The given rows of a dataset, in the dataset's order; a row keeps its masks.

    Args:
        rows: (n,) int64, different rows in any order.
    """

    def __init__(self, dataset: ShardDataset, rows: npt.NDArray[np.int64]) -> None:
        """Count the rows of each shard."""
        self.dataset = dataset
        self.rows = np.sort(rows)
        first = np.concatenate([[0], np.cumsum(dataset.shard_rows)])
        self.shard_rows: list[int] = np.diff(np.searchsorted(self.rows, first)).tolist()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def __getitem__(self, rows: RowBatch) -> Batch:
        """Return a batch."""
        return self.dataset[RowBatch(self.rows[rows.rows], rows.epochs)]

    @property
    def is_local(self) -> bool:
        """True where no shard has to be fetched."""
        return self.dataset.is_local

    def with_columns(self, columns: Sequence[str]) -> RowSubset:
        """Return the same rows with other columns."""
        return RowSubset(self.dataset.with_columns(columns), self.rows)

    def lengths(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the number of tokens (n,) of rows (n,)."""
        return self.dataset.lengths(self.rows[rows])

    def fetch_ahead(self, shards: Iterable[int]) -> None:
        """Begin to fetch shards, those that hold none of the rows left out."""
        self.dataset.fetch_ahead([shard for shard in shards if self.shard_rows[shard]])
