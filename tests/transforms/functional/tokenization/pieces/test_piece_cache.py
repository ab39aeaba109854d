"""The bounded cache of pieces."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest

from transforms.functional.tokenization.pieces import piece_cache
from transforms.functional.tokenization.pieces.piece_cache import (
    MAX_PIECE_BYTES,
    WORD_START_BIT,
    PieceCache,
    PieceTokens,
)
from transforms.functional.tokenization.tokens import tokens_from_lists


def pieces_of(*texts: str) -> pa.LargeBinaryArray:
    return pa.array([text.encode() for text in texts], pa.large_binary())


def tokens_of(*ids: list[int]) -> PieceTokens:
    return PieceTokens.of(tokens_from_lists((i, list(range(len(i)))) for i in ids))


def found_ids(cache: PieceCache, *texts: str) -> list[list[int] | None]:
    found = cache.find(pieces_of(*texts))
    ids = (found.tokens.packed & ~WORD_START_BIT).tolist()
    bounds = found.tokens.offsets.tolist()
    return [None if row < 0 else ids[bounds[row] : bounds[row + 1]] for row in found.rows.tolist()]


def test_pieces_are_found_with_their_tokens() -> None:
    cache = PieceCache(max_entries=10, max_bytes=10_000)
    assert found_ids(cache, "a") == [None]
    cache.add(pieces_of("film", " film", "zero"), tokens_of([1], [2, 3], []))
    cache.add(pieces_of("\u4e2d"), tokens_of([4]))
    assert found_ids(cache, "\u4e2d", " film", "fil", "film", "zero", "films") == [
        *([4], [2, 3], None, [1], [], None),
    ]
    assert len(cache) == 4


def test_word_starts_are_packed_into_the_ids() -> None:
    packed = PieceTokens.of(tokens_from_lists([([7, 8], [0, 0]), ([9], [0])]))
    assert packed.packed.tolist() == [7 | 1 << 31, 8, 9 | 1 << 31]
    assert packed.take(np.array([1, 0])).packed.tolist() == [9 | 1 << 31, 7 | 1 << 31, 8]


def test_slices_of_pieces_are_found() -> None:
    cache = PieceCache(max_entries=10, max_bytes=10_000)
    cache.add(pieces_of("x", "a", "bb").slice(1), tokens_of([1], [2]))
    found = cache.find(pieces_of("a", "bb", "x").slice(1))
    assert found.rows.tolist() == [1, -1]


def test_known_and_repeated_pieces_are_added_once() -> None:
    cache = PieceCache(max_entries=10, max_bytes=10_000)
    cache.add(pieces_of("a", "a"), tokens_of([1], [1]))
    cache.add(pieces_of("b", "a"), tokens_of([2], [1]))
    assert len(cache) == 2
    assert found_ids(cache, "a", "b") == [[1], [2]]


def test_overlong_pieces_stay_out() -> None:
    cache = PieceCache(max_entries=10, max_bytes=10_000)
    long, longest = "x" * MAX_PIECE_BYTES, "x" * (MAX_PIECE_BYTES + 1)
    cache.add(pieces_of(longest, long), tokens_of([1], [2]))
    assert found_ids(cache, longest, long) == [None, [2]]


def test_a_full_cache_starts_anew_from_the_new_pieces() -> None:
    cache = PieceCache(max_entries=3, max_bytes=10_000)
    cache.add(pieces_of("a", "b"), tokens_of([1], [2]))
    cache.add(pieces_of("c", "d"), tokens_of([3], [4]))
    assert (len(cache), cache.restarts) == (2, 1)
    assert found_ids(cache, "a", "b", "c", "d") == [None, None, [3], [4]]


def test_more_pieces_than_fit_are_cut_to_the_first() -> None:
    cache = PieceCache(max_entries=3, max_bytes=10_000)
    cache.add(pieces_of("a", "b", "c", "d"), tokens_of([1], [2], [3], [4]))
    assert found_ids(cache, "a", "b", "c", "d") == [[1], [2], [3], None]


def test_bytes_are_bounded() -> None:
    cache = PieceCache(max_entries=100_000, max_bytes=5_000)
    for first in range(0, 3_000, 100):
        words = [f"word{number}" for number in range(first, first + 100)]
        cache.add(pieces_of(*words), tokens_of(*([[1]] * 100)))
        assert cache.n_bytes <= 5_000
        assert len(cache) > 10
    assert cache.restarts > 10


def test_a_cache_of_nothing_works() -> None:
    cache = PieceCache(max_entries=0, max_bytes=0)
    cache.add(pieces_of("a"), tokens_of([1]))
    assert len(cache) == 0
    assert found_ids(cache, "a") == [None]


def test_a_hash_collision_is_a_miss_and_never_another_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def one_hash(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        return np.zeros(len(offsets) - 1, np.uint64)

    monkeypatch.setattr(piece_cache, "_hashes", one_hash)
    cache = PieceCache(max_entries=10, max_bytes=10_000)
    cache.add(pieces_of("aa", "bb"), tokens_of([1], [2]))
    assert found_ids(cache, "bb", "aa", "ab", "aaa", "") == [None, [1], None, None, None]


def test_hashes_tell_apart_order_length_and_nul() -> None:
    texts = ["", "\0", "\0\0", "a", "ab", "ba", "b", "aa", "a\0", "\0a", "abcdefgh", "abcdefgi"]
    hashes = piece_cache._hashes(*piece_cache.binary_buffers(pieces_of(*texts)))
    assert len(set(hashes.tolist())) == len(texts)


def test_wrong_bounds_and_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="max_bytes must be at least 0, got -1"):
        PieceCache(max_entries=0, max_bytes=-1)
    with pytest.raises(ValueError, match="each of 1 pieces, got 2"):
        PieceCache(max_entries=1, max_bytes=1).add(pieces_of("a"), tokens_of([1], [2]))


def test_threads_share_a_cache() -> None:
    cache = PieceCache(max_entries=700, max_bytes=1 << 20)
    wrong: list[str] = []

    def work(thread: int) -> None:
        for turn in range(30):
            words = [f"w{(thread * 7 + turn * 31 + k) % 1000}" for k in range(50)]
            cache.add(pieces_of(*words), tokens_of(*[[int(word[1:])] for word in words]))
            for word, ids in zip(words, found_ids(cache, *words), strict=True):
                if ids not in (None, [int(word[1:])]):
                    wrong.append(word)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert wrong == []
    assert 1 <= len(cache) <= 700
    assert cache.restarts > 0


def test_a_cache_is_never_pickled() -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(PieceCache(max_entries=1, max_bytes=1))
