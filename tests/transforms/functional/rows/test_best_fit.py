"""Whole reviews in blocks: every token once, none split that fits, the same for the same part."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.transforms.functional import tiny
from tests.transforms.functional.tiny import BERT, GPT2, counts_of, lists, tokens_of, words_of_one
from transforms.functional.ledger import TokenCounts
from transforms.functional.rows.best_fit import BestFitLayout, best_fit, fit_reviews
from transforms.functional.rows.layout import Template
from transforms.functional.rows.rows import PackedReviews


def fit(reviews: list[list[int]], max_length: int, template: Template = GPT2) -> PackedReviews:
    layout = BestFitLayout(max_length=max_length, template=template, pad_id=0)
    return fit_reviews(tokens_of(words_of_one(reviews)), layout)


def test_the_longest_goes_first_each_where_it_leaves_the_least_room() -> None:
    # 5 opens the first block, 4 the second; 2 leaves less room in the second, 1 fills the first.
    assert best_fit(np.array([2, 5, 1, 4]), 6).tolist() == [1, 0, 0, 1]
    assert best_fit(np.array([3, 3, 3]), 6).tolist() == [0, 0, 1]
    assert best_fit(np.array([], np.int64), 6).tolist() == []


def test_reviews_are_whole_and_in_the_order_of_the_part() -> None:
    packed = fit([[1, 2], [3, 4, 5], [6], [7, 8]], 4)

    assert lists(packed.rows, "input_ids") == [[1, 2, 7, 8], [3, 4, 5, 6]]
    assert lists(packed.rows, "review_starts") == [[1, 0, 1, 0], [1, 0, 0, 1]]
    assert packed.rows.review.tolist() == [0, 1]
    assert packed.ledger.tokens == TokenCounts(tokenized=8, written=8)
    assert counts_of(packed) == (4, 0, 0)


def test_a_block_that_nothing_fills_is_padded() -> None:
    packed = fit([[1, 2], [3, 4]], 3)

    assert lists(packed.rows, "input_ids") == [[1, 2, 0], [3, 4, 0]]
    assert lists(packed.rows, "attention_mask") == [[1, 1, 0], [1, 1, 0]]
    assert lists(packed.rows, "word_starts") == [[1, 1, 0], [1, 1, 0]]


def test_a_long_review_becomes_windows_between_special_tokens_before_its_last_one() -> None:
    packed = fit([[9], [1, 2, 3, 4, 5], [8], [6, 7, 10]], 4, BERT)

    assert lists(packed.rows, "input_ids") == [
        [101, 9, 102, 0],
        [101, 1, 2, 102],
        [101, 3, 4, 102],
        [101, 5, 102, 0],
        [101, 8, 102, 0],
        [101, 6, 7, 102],
        [101, 10, 102, 0],
    ]
    assert packed.rows.review.tolist() == [0, 1, 1, 1, 2, 3, 3]
    assert packed.ledger.tokens == TokenCounts(tokenized=10, special=14, written=24)
    assert counts_of(packed) == (4, 0, 0)


def test_windows_that_share_a_last_block_stand_before_it() -> None:
    packed = fit([[9, 9, 9, 9], [1, 2, 3, 4, 5], [6, 7, 8, 0, 1, 2]], 4)

    assert lists(packed.rows, "input_ids") == [
        [9, 9, 9, 9],
        [1, 2, 3, 4],
        [6, 7, 8, 0],
        [5, 1, 2, 0],
    ]
    assert lists(packed.rows, "review_starts")[-1] == [1, 1, 0, 0]
    assert packed.rows.review.tolist() == [0, 1, 2, 1]


def test_a_word_cut_by_a_window_starts_anew() -> None:
    layout = BestFitLayout(max_length=2, template=GPT2, pad_id=0)
    packed = fit_reviews(tokens_of([[[1, 2, 3]]]), layout)

    assert lists(packed.rows, "word_starts") == [[1, 0], [1, 0]]


def test_an_empty_review_is_its_special_tokens_or_dropped() -> None:
    assert lists(fit([[], [1]], 5, BERT).rows, "input_ids") == [[101, 102, 101, 1, 102]]
    packed = fit([[], [1]], 5)
    assert lists(packed.rows, "input_ids") == [[1, 0, 0, 0, 0]]
    assert packed.rows.review.tolist() == [1]
    assert counts_of(packed) == (1, 1, 0)
    assert len(fit([], 5).rows) == len(fit([[], []], 5).rows) == 0


def test_padding_needs_an_id() -> None:
    with pytest.raises(ValueError, match="packing='best_fit' needs a pad_id, got None"):
        BestFitLayout(max_length=4, template=GPT2)


@given(tiny.reviews, tiny.templates, st.integers(1, 9))
def test_every_token_is_written_once_and_a_review_is_split_only_where_it_has_to_be(
    reviews: list[list[tiny.Word]], template: Template, room: int
) -> None:
    max_length = len(template) + room
    layout = BestFitLayout(max_length=max_length, template=template, pad_id=0)
    packed = fit_reviews(tokens_of(reviews), layout)
    rows = packed.rows

    # The expected pieces by plain loops, with the review that each is of.
    expected = []
    for number, review in enumerate(reviews):
        text = [(token, at == 0) for word in review for at, token in enumerate(word)]
        for begin in range(0, max(len(text), 1), room):
            piece = text[begin : begin + room]
            ids = [*template.prefix, *(token for token, _ in piece), *template.suffix]
            starts = [start or at == 0 for at, (_, start) in enumerate(piece)]
            around = [False] * len(template.prefix), [False] * len(template.suffix)
            if ids:
                expected.append((number, tuple(ids), (*around[0], *starts, *around[1])))
    pieces, firsts, fill = [], [], 0
    columns = ("input_ids", "word_starts", "review_starts", "attention_mask")
    for ids, starts, begins, real in zip(*(lists(rows, c) for c in columns), strict=True):
        n_real = sum(real)
        assert real == [True] * n_real + [False] * (max_length - n_real)
        assert not any(begins[n_real:]) and not any(starts[n_real:]) and not any(ids[n_real:])
        edges = [*np.flatnonzero(begins).tolist(), n_real]
        firsts.append(len(pieces))
        pieces += [(tuple(ids[a:b]), tuple(starts[a:b])) for a, b in pairwise(edges)]
        fill += n_real
    assert Counter(pieces) == Counter((ids, starts) for _, ids, starts in expected)
    for row, first in enumerate(firsts):
        named = [(ids, starts) for number, ids, starts in expected if number == rows.review[row]]
        assert pieces[first] in named
    assert packed.ledger.tokens.written == fill == rows.n_tokens
    counts = packed.ledger.tokens
    assert counts.tokenized + counts.special == counts.written
    n_written = len({number for number, _, _ in expected})
    assert counts_of(packed) == (n_written, len(reviews) - n_written, 0)


@given(st.lists(st.integers(1, 20), max_size=40), st.randoms(use_true_random=False))
def test_how_full_blocks_are_does_not_depend_on_the_order_of_reviews(
    lengths: list[int], random: object
) -> None:
    shuffled = list(lengths)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def fills(of: list[int]) -> list[float]:
        values = np.array(of, np.int64)
        return np.bincount(best_fit(values, 20), weights=values).tolist()

    assert fills(lengths) == fills(shuffled)
    # No two blocks would fit into one.
    assert sum(sorted(fills(lengths))[:2]) > 20 or len(fills(lengths)) < 2


@given(st.lists(st.integers(1, 30), max_size=30), st.integers(3, 12))
def test_rows_that_share_a_review_follow_each_other(lengths: list[int], size: int) -> None:
    packed = fit([[number] * length for number, length in enumerate(lengths, start=1)], size)

    ids = lists(packed.rows, "input_ids")
    for number, length in enumerate(lengths, start=1):
        holders = [row for row, values in enumerate(ids) if number in values]
        # All but the last are of this review alone; others' windows may stand between.
        assert all(set(ids[row]) == {number} for row in holders[:-1])
        assert len(holders) == -(-length // size)
        between = range(holders[0], holders[-1])
        assert all(len(set(ids[row])) == 1 and 0 not in ids[row] for row in between)
