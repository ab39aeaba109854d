"""Shuffles: a permutation of 0 to n - 1 that is a function of a key.

Few numbers are sorted by a hash of each, so that every permutation is as likely as another. Many
have no table: a Feistel network permutes the numbers of `bits` bits, whatever its round function is
(Luby and Rackoff, 1988); numbers that fall outside 0 to n - 1 go through it again until they are
inside ("cycle walking": Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
Its two halves may differ by one bit, so that fewer than half of the numbers are outside.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.functional.counter_random import split_mix

_FEW = 1 << 12  # A network of few bits has favourites, and a table of so few numbers costs little.
_ROUNDS = 4  # With four a distinguisher that may also ask backwards learns nothing.


def key_of(*numbers: int) -> npt.NDArray[np.uint64]:
    """Return (1,) uint64, a hash of the numbers in their order (each 0 to 2**64 - 1)."""
    key = np.zeros(1, np.uint64)
    for number in numbers:
        key = split_mix(key ^ split_mix(np.array([number], np.uint64)))
    return key


def permute(
    values: npt.NDArray[np.int64], size: int, key: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    """Return where a permutation of 0 to `size - 1` takes each value.

    Args:
        values: (n,) int64, from 0 to `size - 1`.
        size: How many numbers are permuted.
        key: (1,) uint64, which permutation.
    """
    if size <= _FEW:
        numbers: npt.NDArray[np.uint64] = np.arange(size, dtype=np.uint64)
        table: npt.NDArray[np.int64] = np.argsort(split_mix(key + numbers), kind="stable")
        return table[values]
    bits = (size - 1).bit_length()
    result = values.astype(np.uint64)
    outside = np.arange(len(values))
    while len(outside):
        result[outside] = _network(result[outside], bits, key)
        outside = outside[result[outside] >= size]
    return result.astype(np.int64)


def _network(
    values: npt.NDArray[np.uint64], bits: int, key: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    low_bits = np.uint64(bits // 2)
    low_mask = np.uint64((1 << (bits // 2)) - 1)
    high_mask = np.uint64((1 << (bits - bits // 2)) - 1)
    high, low = values >> low_bits, values & low_mask
    rounds: npt.NDArray[np.uint64] = np.arange(_ROUNDS, dtype=np.uint64)
    keys = split_mix(key + rounds)
    for number in range(0, _ROUNDS, 2):
        high = high ^ (split_mix(low ^ keys[number]) & high_mask)
        low = low ^ (split_mix(high ^ keys[number + 1]) & low_mask)
    joined: npt.NDArray[np.uint64] = (high << low_bits) | low
    return joined
