"""Random numbers that are a pure function of a key: no state, no order of arrival.

Reviews get theirs from SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), a few multiplications over whole arrays. Blocks get theirs from Philox
4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) as numpy makes it;
`random_raw` of a bit generator is covered by numpy's promise of a stable stream.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

# Arrays without axes: numpy makes one of a scalar at each operation, half the time for few values.
_GOLDEN = np.array(0x9E3779B97F4A7C15, np.uint64)
_MIX_1, _SHIFT_1 = np.array(0xBF58476D1CE4E5B9, np.uint64), np.array(30, np.uint64)
_MIX_2, _SHIFT_2 = np.array(0x94D049BB133111EB, np.uint64), np.array(27, np.uint64)
_SHIFT_3 = np.array(31, np.uint64)

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
    mixed ^= mixed >> _SHIFT_1
    mixed *= _MIX_1
    mixed ^= mixed >> _SHIFT_2
    mixed *= _MIX_2
    mixed ^= mixed >> _SHIFT_3
    return mixed


def below(values: npt.NDArray[np.uint64], fraction: float) -> npt.NDArray[np.bool_]:
    """Return True for the `fraction` (0 to 1) of uniform uint64 values that are smallest."""
    # 53 bits: what a float64 holds exactly, so that 1.0 takes all and 0.0 none.
    uniform = (values >> np.uint64(11)).astype(np.float64) * 2.0**-53
    chosen: npt.NDArray[np.bool_] = uniform < fraction
    return chosen


def block_draws(seed: int, blocks: npt.NDArray[np.int64], n_draws: int) -> npt.NDArray[np.uint64]:
    """Return random draws for the tokens of blocks, keyed by seed, epoch and the block's identity.

    Args:
        seed: Seed of the job, 0 to 2**64 - 1.
        blocks: (n, 5) int64: epoch (0 for static masks), split, part, 0 (train) or 1 (validation),
            and the block's row in its shard.
        n_draws: How many for each block; more draws begin with the fewer ones.

    Returns:
        (n, n_draws) uint64, uniform.
    """
    bits, state = _THREAD.bits, _THREAD.state
    place, draws = state["state"], [np.empty(0, np.uint64)]
    for epoch, split, part, subset, row in blocks.tolist():
        # Philox counts up from the first number; the others name the block.
        place["key"], place["counter"] = (seed, epoch), (0, row, part << 1 | subset, split)
        bits.state = state
        draws.append(bits.random_raw(n_draws))
    return np.concatenate(draws).reshape(len(blocks), n_draws)


class _Philox(threading.local):
    """A generator for each thread, and a state of it to be changed and set.

    Making them for each batch takes longer than drawing the numbers of some blocks. Lists are set
    three times as fast as arrays.
    """

    def __init__(self) -> None:
        self.bits: Any = np.random.Philox(key=0)  # numpy's types know arrays only.
        self.state: dict[str, Any] = {**self.bits.state, "state": {}}
        self.state.update(buffer=[0] * 4, buffer_pos=4)


_THREAD = _Philox()
