"""Several datasets in one stream, each with its share, as reproducible as one dataset.

The samples of a mixture come in rounds of `ROUND` samples. Each dataset has the same number of
places in every round, its weight in whole samples, and where they lie in the round is shuffled. So
the place of a sample says how many samples of its dataset came before it, without counting, and a
dataset's own order gives the row. A dataset that comes to its end begins its next epoch, with other
masks; one with a small share may not come to its end in an epoch of the mixture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.reading.mixed_rows import MixedRows
from training.sampling.order import Order, Positions
from training.sampling.permutation import key_of, permute
from transforms.functional.errors import DatasetError

ROUND = 1000  # Weights are exact to a thousandth, and mixed as finely.

_MIXTURE = 5  # What the key is for; see training.sampling.order.


class MixtureOrder:
    """The order of a mixture; see the module's docstring.

    Args:
        orders: The order of each dataset.
        rows: The datasets under one numbering.
        weights: Share of each dataset, in any unit.
        seed: Seed of the mixture, 0 to 2**64 - 1.
    """

    def __init__(
        self, orders: Sequence[Order], rows: MixedRows, weights: Sequence[float], *, seed: int = 0
    ) -> None:
        """Turn the weights into places in a round."""
        self._orders = list(orders)
        self._mixed = rows
        self._seed = seed
        self.counts = places_in_round(weights)
        self._first_place = np.concatenate([[0], np.cumsum(self.counts)])

    def __len__(self) -> int:
        """Return the samples of an epoch: as many as all datasets have rows."""
        return len(self._mixed)

    def rows(self, epoch: int, positions: Positions) -> tuple[Positions, Positions]:
        """Return rows, and the epoch of its dataset that each is read in."""
        which, place = self._draw(epoch * len(self) + positions)
        rows, epochs = np.empty_like(positions), np.empty_like(positions)
        for number in np.unique(which).tolist():
            order = self._orders[number]
            mine = which == number
            own_epoch, own_position = np.divmod(place[mine], len(order))
            own_rows = np.empty_like(own_position)
            for value in np.unique(own_epoch).tolist():
                now = own_epoch == value
                own_rows[now], own_epoch[now] = order.rows(value, own_position[now])
            rows[mine], epochs[mine] = own_rows + self._mixed.first_row[number], own_epoch
        return rows, epochs

    def windows(self, epoch: int, position: int) -> tuple[int, list[list[int]]]:
        """Return what to fetch: the windows of all datasets, until one of them changes."""
        round_number = (epoch * len(self) + position) // ROUND
        change, merged = len(self), [[], []]  # type: tuple[int, list[list[int]]]
        for number, order in enumerate(self._orders):
            own_epoch, own_position = divmod(round_number * self.counts[number], len(order))
            own_change, windows = order.windows(own_epoch, own_position)
            for target, window in zip(merged, windows, strict=True):
                target += [int(self._mixed.first_shard[number]) + shard for shard in window]
            rounds = max(1, (own_change - own_position) // self.counts[number])
            change = min(change, (round_number + rounds) * ROUND - epoch * len(self))
        return max(change, position + 1), merged

    def _draw(self, samples: Positions) -> tuple[Positions, Positions]:
        """Return which dataset each sample is of, and its place among that dataset's samples."""
        rounds, offsets = np.divmod(samples, ROUND)
        shuffled = np.empty_like(offsets)
        for number in np.unique(rounds).tolist():
            inside = rounds == number
            key = key_of(self._seed, _MIXTURE, number)
            shuffled[inside] = permute(offsets[inside], ROUND, key)
        which = np.searchsorted(self._first_place, shuffled, "right") - 1
        counts = np.asarray(self.counts)
        return which, rounds * counts[which] + shuffled - self._first_place[which]


def places_in_round(weights: Sequence[float]) -> list[int]:
    """Return how many of `ROUND` samples each dataset gives: largest remainders, at least one.

    Raises:
        DatasetError: a weight is not above 0, or so small that it is no sample in a round.
    """
    if min(weights) <= 0:
        raise DatasetError(f"--weights must be above 0, got {min(weights):g}: leave a dataset out")
    shares = np.asarray(weights) / sum(weights) * ROUND
    counts = np.floor(shares).astype(np.int64)
    rest = np.argsort(counts - shares, kind="stable")[: ROUND - int(counts.sum())]
    counts[rest] += 1
    if counts.min() == 0:
        raise DatasetError(
            f"--weights {min(weights):g} is less than a {ROUND}th of all: raise it, or leave the "
            f"dataset out"
        )
    return [int(count) for count in counts]
