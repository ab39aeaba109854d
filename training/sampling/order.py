"""The order in which samples are read: a pure function of seed, epoch and dataset.

An order maps positions in an epoch to rows. It knows nothing of processes, workers or batches, so
that any number of them may ask for any positions, and the state of a run is one number: how many
samples were read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.sampling.permutation import key_of, permute

Positions = npt.NDArray[np.int64]

DEFAULT_WINDOW_SHARDS = 32

# Which samples a seed gives: a run goes on with those that it began with. In 1 few numbers were
# permuted by a network, and fewer tokens were in spans.
SAMPLES_VERSION = 2

# What a key is for: two uses must not be correlated.
_SHARDS, _ROWS = 1, 2


class Order(Protocol):
    """What a sampler needs of an order."""

    def __len__(self) -> int:
        """Return the number of samples in an epoch."""

    def rows(self, epoch: int, positions: Positions) -> tuple[Positions, Positions]:
        """Return (n,) rows at positions (n,) of an epoch, and (n,) the epoch each is read in."""

    def windows(self, epoch: int, position: int) -> tuple[int, list[list[int]]]:
        """Return what to fetch for a position.

        Returns:
            The position where that answer changes, and two lists of shards in the order of need:
            those of the window around the position, and those of the next one.
        """


class ShardOrder:
    """Shards in random order, and all rows of `window_shards` of them in random order.

    A window of shards is read to its end before the next is begun: a remote dataset is fetched
    window by window, and a local one is read from memory. Every row comes once an epoch.

    Args:
        shard_rows: Rows of each shard.
        seed: Seed of the order, 0 to 2**64 - 1.
        window_shards: Shards in a window: more mix better, and need more room.
        first_window_shards: Shards in the first window of epoch 0, after which windows double until
            they have `window_shards`: training on a remote dataset begins when these are there.
            Default: all windows are alike.
        shuffle: Without it rows come in the order of the dataset.
    """

    def __init__(
        self,
        shard_rows: Sequence[int],
        *,
        seed: int = 0,
        window_shards: int = DEFAULT_WINDOW_SHARDS,
        first_window_shards: int | None = None,
        shuffle: bool = True,
    ) -> None:
        """Store the options."""
        first = window_shards if first_window_shards is None else first_window_shards
        if window_shards < 1 or first < 1:
            raise ValueError(
                f"window_shards and first_window_shards must be at least 1, got {window_shards} "
                f"and {first}"
            )
        self._rows = np.asarray(shard_rows, np.int64)
        self._first_row = np.concatenate([[0], np.cumsum(self._rows)])
        self._seed = seed
        self._window_shards = window_shards
        self._first_window_shards = min(first, window_shards)
        self._shuffle = shuffle
        self._tables = lru_cache(maxsize=2)(self._make_tables)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._first_row[-1])

    def __getstate__(self) -> dict[str, object]:
        """Leave the cache of tables out: it does not pickle."""
        return {name: value for name, value in vars(self).items() if name != "_tables"}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Make a new cache."""
        vars(self).update(state)
        self._tables = lru_cache(maxsize=2)(self._make_tables)

    def rows(self, epoch: int, positions: Positions) -> tuple[Positions, Positions]:
        """Return rows and their epoch; see `Order`."""
        epochs = np.full(len(positions), epoch, np.int64)
        if not self._shuffle:
            return positions, epochs
        shards, starts, edges = self._tables(epoch)
        windows = starts[edges]
        window = np.searchsorted(windows, positions, "right") - 1
        shuffled = np.empty_like(positions)
        for number in np.unique(window).tolist():
            inside = window == number
            begin, end = windows[number], windows[number + 1]
            key = key_of(self._seed, epoch, _ROWS, number)
            shuffled[inside] = begin + permute(positions[inside] - begin, int(end - begin), key)
        slot = np.searchsorted(starts, shuffled, "right") - 1
        return self._first_row[shards[slot]] + shuffled - starts[slot], epochs

    def windows(self, epoch: int, position: int) -> tuple[int, list[list[int]]]:
        """Return the next change, and the shards of two windows; see `Order`."""
        shards, starts, edges = self._tables(epoch)
        number = int(np.searchsorted(starts[edges], position, "right")) - 1
        ends = [*edges[number:].tolist(), len(shards), len(shards)]
        pair = [shards[ends[n] : ends[n + 1]].tolist() for n in (0, 1)]
        return int(starts[ends[1]]), pair

    def _make_tables(self, epoch: int) -> tuple[Positions, Positions, Positions]:
        """Return the shards in order, the position each begins at, and windows' first places."""
        n_shards = len(self._rows)
        shards = np.arange(n_shards)
        if self._shuffle:
            shards = permute(shards, n_shards, key_of(self._seed, epoch, _SHARDS))
        starts = np.concatenate([[0], np.cumsum(self._rows[shards])])
        size = self._window_shards if epoch else self._first_window_shards
        edges = [0]
        while edges[-1] < n_shards:
            edges.append(min(edges[-1] + size, n_shards))
            size = min(2 * size, self._window_shards)
        return shards, starts, np.array(edges)
