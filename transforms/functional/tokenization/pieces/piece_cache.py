"""A bounded cache from pieces of text to their tokens, flat in numpy arrays.

Entries are found by a 64-bit hash of the piece, kept sorted, and then compared byte by byte, so
a collision costs a miss and never a wrong token. A state is never changed once made: readers
hold one while a writer puts the next in its place. What the cache holds decides speed alone.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.functional.tokenization.text_arrays import (
    UInt8Array,
    binary_buffers,
    ragged_positions,
)
from transforms.functional.tokenization.tokens import BoolArray, Int64Array, Tokens, offsets_of

UInt64Array = npt.NDArray[np.uint64]
UInt32Array = npt.NDArray[np.uint32]

MAX_PIECE_BYTES = 256
"""Longer pieces hardly ever come back."""

WORD_START_BIT = np.uint32(1 << 31)
"""Set in a packed id where a word starts: one gather moves both. Ids stay below 2^31."""

# Multilinear hashing (Lemire and Kaser, "Strongly universal string hashing is fast", 2014):
# the sum over positions of byte times a random odd number of the position, modulo 2^64.
_MULTIPLIERS = np.random.Generator(np.random.PCG64(20_14)).integers(
    0, 1 << 64, MAX_PIECE_BYTES, np.uint64
) | np.uint64(1)


@dataclass(frozen=True, eq=False)
class PieceTokens:
    """Tokens of pieces, packed for the gather.

    Attributes:
        packed: (n_tokens,) uint32, id with ``WORD_START_BIT`` where a word starts.
        offsets: (n_pieces + 1,) int64.
    """

    packed: UInt32Array
    offsets: Int64Array

    @classmethod
    def of(cls, tokens: Tokens) -> PieceTokens:
        """Pack ``tokens``, one piece a review."""
        packed = np.where(tokens.word_starts, tokens.ids | WORD_START_BIT, tokens.ids)
        return cls(packed, tokens.offsets)

    def take(self, rows: Int64Array | npt.NDArray[np.intp]) -> PieceTokens:
        """Return the pieces at ``rows``."""
        lengths = np.diff(self.offsets)[rows]
        return PieceTokens(
            self.packed[ragged_positions(self.offsets[:-1][rows], lengths)], offsets_of(lengths)
        )

    def followed_by(self, other: PieceTokens) -> PieceTokens:
        """Return these pieces and then those of ``other``."""
        packed = np.concatenate([self.packed, other.packed])
        return PieceTokens(packed, _joined_offsets(self.offsets, other.offsets))


@dataclass(frozen=True, eq=False)
class _State:
    """One state of the cache; row r is one piece."""

    data: UInt8Array
    data_offsets: Int64Array
    tokens: PieceTokens
    hashes: UInt64Array  # sorted
    rows: Int64Array  # the row of each hash

    @property
    def n_bytes(self) -> int:
        return sum(
            array.nbytes
            for array in (
                self.data,
                self.data_offsets,
                self.tokens.packed,
                self.tokens.offsets,
                self.hashes,
                self.rows,
            )
        )


def _empty_state() -> _State:
    none = np.zeros(1, np.int64)
    tokens = PieceTokens(np.empty(0, np.uint32), none)
    return _State(
        np.empty(0, np.uint8), none, tokens, np.empty(0, np.uint64), np.empty(0, np.int64)
    )


@dataclass(frozen=True, eq=False)
class Found:
    """What a look-up found.

    Attributes:
        rows: (n_pieces,) int64, the row in ``tokens`` of each piece, -1 where it is unknown.
        tokens: the tokens of all cached pieces at the time.
    """

    rows: Int64Array
    tokens: PieceTokens


class PieceCache:
    """Piece -> ids and word starts, for all threads of a worker.

    When new pieces do not fit in ``max_entries`` or ``max_bytes``, the cache starts over from
    them: a run of rare words cannot fill it for good.

    Attributes:
        restarts: how often the cache was full and started over.
    """

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        """Make an empty cache; 0 entries or bytes keep it empty.

        Raises:
            ValueError: a bound below 0.
        """
        for name, value in (("max_entries", max_entries), ("max_bytes", max_bytes)):
            if value < 0:
                raise ValueError(f"{name} must be at least 0, got {value}")
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._state = _empty_state()
        self._lock = threading.Lock()
        self.restarts = 0

    def __len__(self) -> int:
        """Return the number of cached pieces."""
        return len(self._state.rows)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays held."""
        return self._state.n_bytes

    def content(self) -> tuple[pa.LargeBinaryArray, PieceTokens]:
        """Return all pieces in the order in which they were added, and their tokens."""
        state = self._state
        buffers = [None, pa.py_buffer(state.data_offsets), pa.py_buffer(state.data)]
        pieces = pa.Array.from_buffers(pa.large_binary(), len(state.rows), buffers)
        return pieces, state.tokens

    def find(self, pieces: pa.LargeBinaryArray) -> Found:
        """Look ``pieces`` up."""
        state = self._state
        data, offsets = binary_buffers(pieces)
        return Found(_find(state, data, offsets, _hashes(data, offsets)), state.tokens)

    def is_current(self, found: Found) -> bool:
        """Return False where the cache has changed since ``found`` was looked up."""
        return self._state.tokens is found.tokens

    def add(self, pieces: pa.LargeBinaryArray, tokens: PieceTokens) -> None:
        """Add ``pieces``, but for those that are known, do not fit, or are overlong.

        Raises:
            ValueError: not one entry of ``tokens`` for each piece.
        """
        if len(tokens.offsets) != len(pieces) + 1:
            raise ValueError(
                f"tokens must hold one entry for each of {len(pieces)} pieces, "
                f"got {len(tokens.offsets) - 1}"
            )
        data, offsets = binary_buffers(pieces)
        hashes = _hashes(data, offsets)
        fresh = np.flatnonzero(np.diff(offsets) <= MAX_PIECE_BYTES)
        # One piece a hash, the first: a second one of the same hash could not be found.
        fresh = fresh[np.sort(np.unique(hashes[fresh], return_index=True)[1])]
        with self._lock:
            state = self._state
            fresh = fresh[~_has(state, hashes[fresh])]
            if len(fresh) == 0:
                return
            grown = _append(state, data, offsets, hashes, tokens, fresh)
            if not self._fits(grown):
                self.restarts += 1
                grown = self._start_anew(data, offsets, hashes, tokens, fresh)
            self._state = grown

    def _fits(self, state: _State) -> bool:
        return len(state.rows) <= self._max_entries and state.n_bytes <= self._max_bytes

    def _start_anew(
        self,
        data: UInt8Array,
        offsets: Int64Array,
        hashes: UInt64Array,
        tokens: PieceTokens,
        fresh: npt.NDArray[np.intp],
    ) -> _State:
        """Return a state of the first of the ``fresh`` pieces, as many as fit."""
        fresh = fresh[: self._max_entries]
        while len(fresh):
            state = _append(_empty_state(), data, offsets, hashes, tokens, fresh)
            if self._fits(state):
                return state
            fresh = fresh[: len(fresh) // 2]
        return _empty_state()

    def __getstate__(self) -> NoReturn:
        """Refuse to be pickled: each worker fills its own.

        Raises:
            TypeError: always.
        """
        raise TypeError("a PieceCache is never pickled; make one in each worker")


def _hashes(data: UInt8Array, offsets: Int64Array) -> UInt64Array:
    """Return (n_pieces,) uint64 hashes of the first ``MAX_PIECE_BYTES`` of each piece."""
    lengths = np.diff(offsets)
    if len(lengths) and lengths.max() > MAX_PIECE_BYTES:
        clipped = np.minimum(lengths, MAX_PIECE_BYTES)
        data = data[ragged_positions(offsets[:-1], clipped)]
        offsets, lengths = offsets_of(clipped), clipped
    position = np.arange(len(data)) - np.repeat(offsets[:-1], lengths)
    terms = _MULTIPLIERS[position]
    terms *= data.astype(np.uint64) + np.uint64(1)
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(terms, out=sums[1:])
    hashes: UInt64Array = sums[offsets[1:]] - sums[offsets[:-1]]
    return hashes


def _has(state: _State, hashes: UInt64Array) -> BoolArray:
    if len(state.hashes) == 0:
        return np.zeros(len(hashes), np.bool_)
    places = np.searchsorted(state.hashes, hashes)
    places[places == len(state.hashes)] = 0
    known: BoolArray = state.hashes[places] == hashes
    return known


def _find(state: _State, data: UInt8Array, offsets: Int64Array, hashes: UInt64Array) -> Int64Array:
    """Return the row of each piece, -1 where no entry has its hash, length and bytes."""
    rows = np.full(len(hashes), -1, np.int64)
    if len(state.hashes) == 0:
        return rows
    places = np.searchsorted(state.hashes, hashes)
    places[places == len(state.hashes)] = 0
    lengths = np.diff(offsets)
    candidates = state.rows[places]
    same = (state.hashes[places] == hashes) & (np.diff(state.data_offsets)[candidates] == lengths)
    asked = np.flatnonzero(same)
    found = candidates[asked]
    ours = data[ragged_positions(offsets[:-1][asked], lengths[asked])]
    theirs = state.data[ragged_positions(state.data_offsets[:-1][found], lengths[asked])]
    wrong = np.searchsorted(np.cumsum(lengths[asked]), np.flatnonzero(ours != theirs), "right")
    rows[asked] = found
    rows[asked[wrong]] = -1
    return rows


def _append(
    state: _State,
    data: UInt8Array,
    offsets: Int64Array,
    hashes: UInt64Array,
    tokens: PieceTokens,
    fresh: npt.NDArray[np.intp],
) -> _State:
    """Return ``state`` with the ``fresh`` pieces behind its own."""
    lengths = np.diff(offsets)[fresh]
    new_data = data[ragged_positions(offsets[:-1][fresh], lengths)]
    new_hashes = hashes[fresh]
    order = np.argsort(new_hashes, kind="stable")
    places = np.searchsorted(state.hashes, new_hashes[order])
    return _State(
        np.concatenate([state.data, new_data]),
        _joined_offsets(state.data_offsets, offsets_of(lengths)),
        state.tokens.followed_by(tokens.take(fresh)),
        np.insert(state.hashes, places, new_hashes[order]),
        np.insert(state.rows, places, len(state.rows) + order),
    )


def _joined_offsets(first: Int64Array, second: Int64Array) -> Int64Array:
    return np.concatenate([first, second[1:] + first[-1]])
