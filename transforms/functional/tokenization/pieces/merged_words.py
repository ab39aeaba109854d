"""Many words at once through the merges of a BPE model, in numpy.

    symbols    Ġ  w  a  t  c  h       rank of each with the next    7  4  9  2  8  -
    round 1    Ġ  w  a  tc h                                        7  4  9  3  -
    round 2    Ġ  w  a  tch           and so on, until no pair is one of the merges

In each round every word merges its pair of the lowest rank, as the library's model does one word
after the other (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units",
2016). 113,000 words take 0.23 s instead of 0.65.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.functional.tokenization.byte_pairs import BytePairs
from transforms.functional.tokenization.pieces.cut_tables import CutRules
from transforms.functional.tokenization.text_arrays import UInt8Array
from transforms.functional.tokenization.tokens import BoolArray, Int64Array, Tokens

Int32Array = npt.NDArray[np.int32]

MAX_WORD_BYTES = 64
"""The rounds grow with the longest word, and the library is quicker for a few long ones."""

_NO_RANK = np.int32(2**31 - 1)
_EMPTY = np.uint64(2**64 - 1)
# Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4).
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class MergedWords:
    """Encodes clean words of at most ``MAX_WORD_BYTES`` by merging pairs."""

    def __init__(self, pairs: BytePairs, symbols: Int32Array) -> None:
        """Make the tables.

        Args:
            pairs: the merges.
            symbols: (256,) int32, the id of each byte's symbol.
        """
        self._symbols = symbols
        self._products = pairs.merges[:, 2].astype(np.int32)
        self._ranks = _PairTable(pairs.merges[:, 0], pairs.merges[:, 1])
        before, after = np.divmod(np.arange(1 << 16), 1 << 8)
        self._ranks_of_bytes = self._ranks.find(symbols[before], symbols[after])

    @classmethod
    def of(cls, pairs: BytePairs | None, rules: CutRules) -> MergedWords | None:
        """Return None where the model does more than merge, or lacks a clean word's byte."""
        characters = [chr(byte) for byte in range(256) if rules.clean[byte]]
        needed = [*characters, rules.clean_marker]
        if pairs is None or rules.clean_lower or any(c not in pairs.symbols for c in needed):
            return None
        symbols = np.zeros(256, np.int32)
        symbols[[ord(c) for c in characters]] = [pairs.symbols[c] for c in characters]
        symbols[ord(" ")] = pairs.symbols[rules.clean_marker]
        return cls(pairs, symbols)

    def encode(self, data: UInt8Array, offsets: Int64Array) -> Tokens:
        """Return the tokens of clean words, one review a word.

        Args:
            data: (n_bytes,) uint8, the words, a space before some of them.
            offsets: (n_words + 1,) int64, where each starts in ``data`` and the last ends.
        """
        symbols = self._symbols[data]
        alive = self._merge(symbols, data, offsets[1:] - 1)
        ends = np.concatenate([[0], np.cumsum(alive)[offsets[1:] - 1]])
        word_starts = np.zeros(int(ends[-1]), np.bool_)
        word_starts[ends[:-1]] = True
        return Tokens(symbols[alive].astype(np.uint32), word_starts, ends)

    def _merge(self, symbols: Int32Array, data: UInt8Array, ends: Int64Array) -> BoolArray:
        """Merge pairs in place: the left one becomes the product; return which symbols are left."""
        alive = np.ones(len(symbols), np.bool_)
        # Of the words that may have a pair yet: the place of each symbol, which is the last of its
        # word, and the rank of each with the next.
        places = np.arange(len(symbols), dtype=np.int32)
        last = np.zeros(len(symbols), np.bool_)
        last[ends] = True
        ranks = np.full(len(symbols), _NO_RANK)
        ranks[:-1] = self._ranks_of_bytes[data[:-1].astype(np.uint16) << 8 | data[1:]]
        ranks[last] = _NO_RANK
        while len(places):
            lowest = _lowest_of_words(ranks, last)
            kept = lowest != _NO_RANK
            merged = (ranks == lowest) & kept
            # Of "aaa" the first two: the third has its turn in the next round.
            merged[1:] &= ~merged[:-1]
            left = np.flatnonzero(merged)
            symbols[places[left]] = self._products[ranks[left]]
            alive[places[left + 1]] = False
            kept[left + 1] = False
            last[left] = last[left + 1]
            places, last, ranks, merged = places[kept], last[kept], ranks[kept], merged[kept]
            self._rank_anew(ranks, symbols[places], last, np.flatnonzero(merged))
        return alive

    def _rank_anew(
        self, ranks: Int32Array, symbols: Int32Array, last: BoolArray, changed: Int64Array
    ) -> None:
        """Rank the pairs of which a half has changed."""
        ranks[changed] = _NO_RANK
        before = changed[changed > 0] - 1
        left = np.concatenate([changed, before])
        left = left[~last[left]]
        ranks[left] = self._ranks.find(symbols[left], symbols[left + 1])


def _lowest_of_words(ranks: Int32Array, last: BoolArray) -> Int32Array:
    """Return the lowest rank of each symbol's word."""
    sizes = np.diff(np.flatnonzero(last), prepend=-1)
    starts = np.cumsum(sizes) - sizes
    lowest: Int32Array = np.repeat(np.minimum.reduceat(ranks, starts), sizes)
    return lowest


class _PairTable:
    """Pair of ids -> rank: a hash table with linear probing, filled and asked at once."""

    def __init__(self, left: Int64Array, right: Int64Array) -> None:
        """Fill the table with pairs, by rank."""
        keys = _keys(left, right)
        n_bits = max(1, (4 * len(keys)).bit_length())
        self._shift = np.uint64(64 - n_bits)
        homes = self._homes(keys)
        order = np.argsort(homes, kind="stable")
        # Each at home, or behind the one before it.
        steps = np.arange(len(keys))
        slots = np.maximum.accumulate(homes[order] - steps) + steps
        self._keys = np.full((1 << n_bits) + len(keys) + 1, _EMPTY)
        self._ranks = np.full(len(self._keys), _NO_RANK)
        self._keys[slots] = keys[order]
        self._ranks[slots] = order

    def find(self, left: npt.NDArray[np.integer], right: npt.NDArray[np.integer]) -> Int32Array:
        """Return the rank of each pair, ``_NO_RANK`` where it is no merge."""
        keys = _keys(left, right)
        slots = self._homes(keys)
        rows = np.arange(len(keys))
        ranks = np.full(len(keys), _NO_RANK)
        while len(rows):
            there = self._keys[slots]
            same = there == keys
            ranks[rows[same]] = self._ranks[slots[same]]
            goes_on = ~same & (there != _EMPTY)
            rows, keys, slots = rows[goes_on], keys[goes_on], slots[goes_on] + 1
        return ranks

    def _homes(self, keys: npt.NDArray[np.uint64]) -> Int64Array:
        homes: Int64Array = ((keys * _MULTIPLIER) >> self._shift).astype(np.int64)
        return homes


def _keys(left: npt.NDArray[np.integer], right: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    keys: npt.NDArray[np.uint64] = left.astype(np.uint64) << np.uint64(32)
    keys |= right.astype(np.uint64)
    return keys
