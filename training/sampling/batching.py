"""Batches of rows of similar length, so that ragged rows need little padding."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from training.sampling.order import Order, Positions
from training.sampling.permutation import key_of, permute

# Global batches that are sorted together: more save more padding, fewer mix better.
DEFAULT_CHUNK_BATCHES = 50

_BATCHES = 3  # What the key is for; see training.sampling.order.


class LengthOrder:
    """Another order's samples, sorted by length inside chunks and cut into batches.

    A chunk is `chunk_batches` global batches of the order below. Its rows are sorted by length and
    cut into global batches again, which come in random order. As this depends on nothing but the
    size of a global batch, a run may go on with another number of processes.

    Args:
        lengths: Gives the lengths (n,) of rows (n,).
        global_batch: Samples in one optimizer step of all processes.
        seed: Seed of the order of batches.
        chunk_batches: Global batches in a chunk.
    """

    def __init__(
        self,
        order: Order,
        lengths: Callable[[Positions], Positions],
        *,
        global_batch: int,
        seed: int = 0,
        chunk_batches: int = DEFAULT_CHUNK_BATCHES,
    ) -> None:
        """Store the options."""
        if global_batch < 1 or chunk_batches < 1:
            raise ValueError(
                f"global_batch and chunk_batches must be at least 1, got {global_batch} and "
                f"{chunk_batches}"
            )
        self._order = order
        self._lengths = lengths
        self._global_batch = global_batch
        self._seed = seed
        self._chunk_rows = global_batch * chunk_batches
        self._chunk = lru_cache(maxsize=2)(self._make_chunk)

    def __len__(self) -> int:
        """Return the number of samples in an epoch."""
        return len(self._order)

    def rows(self, epoch: int, positions: Positions) -> tuple[Positions, Positions]:
        """Return rows and their epochs; see `training.sampling.order.Order`."""
        rows, epochs = np.empty_like(positions), np.empty_like(positions)
        chunk = positions // self._chunk_rows
        for number in np.unique(chunk).tolist():
            inside = chunk == number
            offset = positions[inside] - number * self._chunk_rows
            chunk_rows, chunk_epochs = self._chunk(epoch, number)
            rows[inside], epochs[inside] = chunk_rows[offset], chunk_epochs[offset]
        return rows, epochs

    def windows(self, epoch: int, position: int) -> tuple[int, list[list[int]]]:
        """Return what to fetch: that of the order below, from the start of the chunk."""
        return self._order.windows(epoch, position)

    def _make_chunk(self, epoch: int, number: int) -> tuple[Positions, Positions]:
        begin = number * self._chunk_rows
        end = min(begin + self._chunk_rows, len(self))
        rows, epochs = self._order.rows(epoch, np.arange(begin, end))
        by_length = np.argsort(self._lengths(rows), kind="stable")
        # The last batch of an epoch, if smaller, stays where it is: a step must be full.
        whole = len(rows) // self._global_batch
        batch = permute(np.arange(whole), whole, key_of(self._seed, epoch, _BATCHES, number))
        full = by_length[: whole * self._global_batch].reshape(whole, self._global_batch)
        sequence = np.concatenate([full[batch].reshape(-1), by_length[full.size :]])
        return rows[sequence], epochs[sequence]
