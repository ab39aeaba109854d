"""Random numbers that are a pure function of a key: no state, no order of arrival.

Reviews get theirs from SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), a few multiplications over whole arrays. Blocks get theirs from Philox
4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) as numpy makes it;
`random_raw` of a bit generator is covered by numpy's promise of a stable stream.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)

# What a review's number is used for: two uses of one review must not be correlated.
VALIDATION = 1
SHUFFLE = 2


def review_random(
    seed: int, use: int, sources: npt.NDArray[np.uint32], records: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """Return one random number for each review, from its identity alone.

    Args:
        seed: Seed of the job, 0 to 2**64 - 1.
        use: What for (`VALIDATION`, `SHUFFLE`).
        sources: (n,) index of the input file.
        records: (n,) place in that file.

    Returns:
        (n,) uint64, uniform.
    """
    start = np.array([seed, use], np.uint64)
    key = split_mix(start[:1] + split_mix(start[1:]))
    return split_mix(split_mix(key + sources.astype(np.uint64)) + records)


def split_mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the SplitMix64 output for each (n,) uint64 state; arrays wrap around silently."""
    mixed = values + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    result: npt.NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return result


def below(values: npt.NDArray[np.uint64], fraction: float) -> npt.NDArray[np.bool_]:
    """Return True for the `fraction` (0 to 1) of uniform uint64 values that are smallest."""
    # 53 bits: what a float64 holds exactly, so that 1.0 takes all and 0.0 none.
    uniform = (values >> np.uint64(11)).astype(np.float64) * 2.0**-53
    chosen: npt.NDArray[np.bool_] = uniform < fraction
    return chosen


class BlockRandom:
    """Random draws for the tokens of a block, keyed by seed, epoch and the block's identity."""

    def __init__(self, seed: int) -> None:
        """Make the source for one seed (0 to 2**64 - 1)."""
        self._bits = np.random.Philox(key=0)
        self._counter = np.zeros(4, np.uint64)
        self._key = np.array([seed, 0], np.uint64)
        # Made once: building it for each block takes longer than drawing the block's numbers.
        self._state = self._bits.state
        self._state["state"] = {"counter": self._counter, "key": self._key}
        self._state["buffer_pos"] = 4
        self._state["has_uint32"] = 0

    def draws(
        self, epoch: int, shard: tuple[int, int, int], row: int, n: int
    ) -> npt.NDArray[np.uint64]:
        """Return `n` uniform uint64 draws for one block.

        Args:
            epoch: Epoch, 0 for static masks.
            shard: Identity of the block's shard: split, part, and 0 (train) or 1 (validation).
            row: The block's row in that shard.
            n: How many; more draws begin with the fewer ones.
        """
        split, part, subset = shard
        self._key[1] = epoch
        # Philox counts up from the first number; the others name the block.
        self._counter[:] = (0, row, (part << 1) | subset, split)
        self._bits.state = self._state
        return self._bits.random_raw(n)
