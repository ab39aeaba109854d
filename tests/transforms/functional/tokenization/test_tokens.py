"""``Tokens``: flat ids, word starts and review offsets."""

from __future__ import annotations

import numpy as np
import pytest

from transforms.functional.tokenization.tokens import (
    Tokens,
    concatenate,
    empty_tokens,
    interleave,
    offsets_of,
    tokens_from_lists,
    word_starts_of,
)


def made(*reviews: list[int]) -> Tokens:
    return tokens_from_lists((ids, list(range(len(ids)))) for ids in reviews)


def test_tokens_from_lists_marks_each_change_of_word() -> None:
    tokens = tokens_from_lists([([5, 6, 7], [0, 0, 1]), ([], []), ([8], [0])])
    assert tokens.ids.tolist() == [5, 6, 7, 8]
    assert tokens.word_starts.tolist() == [True, False, True, True]
    assert tokens.offsets.tolist() == [0, 3, 3, 4]
    assert (tokens.ids.dtype, tokens.word_starts.dtype, tokens.offsets.dtype) == (
        np.uint32,
        np.bool_,
        np.int64,
    )
    assert (tokens.n_reviews, tokens.n_tokens, len(tokens)) == (3, 4, 3)
    assert tokens.lengths.tolist() == [3, 0, 1]


def test_a_review_starts_a_word_even_with_the_number_of_the_last_one() -> None:
    assert tokens_from_lists([([1], [0]), ([2], [0])]).word_starts.tolist() == [True, True]


def test_word_starts_of_counts_none_as_a_value() -> None:
    assert word_starts_of([None, 0, 0, 1, None, None]).tolist() == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]
    assert word_starts_of([]).tolist() == []


def test_iteration_gives_each_review() -> None:
    rows = [(ids.tolist(), starts.tolist()) for ids, starts in made([1, 2], [], [3])]
    assert rows == [([1, 2], [True, True]), ([], []), ([3], [True])]


def test_slice_starts_its_offsets_at_0() -> None:
    part = made([1, 2], [3], [4, 5]).slice(1, 3)
    assert part.ids.tolist() == [3, 4, 5]
    assert part.offsets.tolist() == [0, 1, 3]
    assert made([1]).slice(1, 1).equals(empty_tokens())
    with pytest.raises(ValueError, match="0 <= start <= stop <= 1"):
        made([1]).slice(0, 2)


def test_concatenate_keeps_the_order() -> None:
    assert concatenate([made([1], []), made(), made([2, 3])]).equals(made([1], [], [2, 3]))
    assert concatenate([]).equals(empty_tokens())


def test_interleave_takes_the_next_of_each() -> None:
    mask = np.array([False, True, True, False])
    mixed = interleave(mask, made([10, 11], [12]), made([1], [2, 3]))
    assert mixed.equals(made([1], [10, 11], [12], [2, 3]))
    with pytest.raises(ValueError, match="2 True and 0 False, got 1 and 1"):
        interleave(np.array([True, False]), made([1], [2]), made())


@pytest.mark.parametrize("other", [made([1], [2]), made([1, 3]), made([1, 2], [])])
def test_equals_compares_ids_and_offsets(other: Tokens) -> None:
    assert made([1, 2]).equals(made([1, 2]))
    assert not made([1, 2]).equals(other)


def test_equals_compares_word_starts() -> None:
    assert not made([1, 2]).equals(tokens_from_lists([([1, 2], [0, 0])]))


def test_offsets_of_lengths() -> None:
    assert offsets_of([2, 0, 3]).tolist() == [0, 2, 2, 5]
    assert offsets_of([]).tolist() == [0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": np.zeros(2, np.int64)}, "ids must be a vector of uint32, got int64"),
        ({"ids": np.zeros(3, np.uint32)}, "one length, got 3 and 2"),
        ({"offsets": np.array([0, 1])}, r"from 0 to 2 \(the number of ids\), got \[0\] to \[1\]"),
        ({"offsets": np.zeros(0, np.int64)}, r"got \[\] to \[\]"),
    ],
)
def test_wrong_arrays_are_refused(changes: dict[str, np.ndarray], message: str) -> None:
    arrays = {
        "ids": np.zeros(2, np.uint32),
        "word_starts": np.ones(2, np.bool_),
        "offsets": np.array([0, 2]),
    }
    with pytest.raises(ValueError, match=message):
        Tokens(**{**arrays, **changes})


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="review 1 must have one word id for each id, got 1 for 2"):
        tokens_from_lists([([1], [0]), ([1, 2], [0])])
