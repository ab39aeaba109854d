"""From counts to the figures of a report: what a person decides by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from transforms.functional.figures.review_statistics import LONGEST_COUNTED, ReviewStatistics
from transforms.functional.tokenization.tokens import Int64Array

FREQUENT_TOKENS = 30
UNKNOWN_WORDS = 20
PERCENTILES = (50, 90, 95, 99)
# Rows this long are compared; 128 to 1,024 in powers of two are what people choose from.
LENGTHS = range(64, 1025, 64)
MAX_BINS = 40


def figures_of(
    statistics: ReviewStatistics,
    *,
    n_special: int,
    max_length: int,
    unknown_id: int | None,
    token_text: Callable[[int], str],
) -> dict[str, Any]:
    """Return the figures of a report, ready for JSON.

    Args:
        n_special: Tokens that the tokenizer's template adds to each review.
        max_length: The length of the job's rows.
        unknown_id: Id of the unknown token, None where there is none.
        token_text: Gives a token as people read it.
    """
    labels = statistics.label_counts
    return {
        "reviews": statistics.reviews,
        "tokens": statistics.tokens,
        "words": statistics.words,
        "text_bytes": statistics.text_bytes,
        "duplicates": statistics.duplicates,
        "empty": int(statistics.length_counts[0]),
        "labels": None if labels is None else [list(item) for item in sorted(labels.items())],
        "lengths": _lengths(statistics, n_special, max_length),
        "vocabulary": _vocabulary(statistics.token_counts, token_text),
        "unknown": _unknown(statistics, unknown_id),
    }


def _lengths(statistics: ReviewStatistics, n_special: int, max_length: int) -> dict[str, Any]:
    counts, n = statistics.length_counts, statistics.reviews
    reached = np.cumsum(counts)
    longest = statistics.longest + n_special
    lengths = sorted({*LENGTHS, max_length})
    return {
        "special": n_special,
        "mean": (statistics.tokens / n if n else 0) + n_special,
        "percentiles": {
            str(p): int(np.searchsorted(reached, p * n / 100)) + n_special for p in PERCENTILES
        },
        "longest": longest,
        "histogram": _histogram(counts, n_special),
        "at": [
            length_figures(counts, statistics.tokens, length, n_special)
            for length in lengths
            if n_special < length <= LONGEST_COUNTED
        ],
    }


def length_figures(
    length_counts: Int64Array, n_tokens: int, max_length: int, n_special: int
) -> dict[str, Any]:
    """Return what rows of `max_length` would hold, one a review, long ones cut off.

    Args:
        length_counts: (n,) int64, reviews of each length; those of the last place are longer.
        n_tokens: Tokens of all reviews.
        max_length: Tokens in a row, `n_special` of them by the template.
        n_special: Tokens that the template adds.
    """
    room = max_length - n_special
    n_reviews = int(length_counts.sum())
    kept = int(np.minimum(np.arange(len(length_counts)), room) @ length_counts)
    slots = n_reviews * max_length
    return {
        "max_length": max_length,
        "reviews_longer": int(length_counts[room + 1 :].sum()),
        "tokens_lost": n_tokens - kept,
        "padding_share": 1 - (kept + n_reviews * n_special) / slots if slots else 0.0,
    }


def _histogram(counts: Int64Array, n_special: int) -> dict[str, Any]:
    """Return reviews by length in at most `MAX_BINS` bins; the last one is open.

    All but the longest 1 % lie in the closed ones.
    """
    reached = np.cumsum(counts)
    usual = int(np.searchsorted(reached, 0.99 * reached[-1])) + n_special
    width = 1
    while width * (MAX_BINS - 1) <= usual:
        width *= 2
    lengths = np.arange(len(counts)) + n_special
    bins = np.minimum(lengths // width, MAX_BINS - 1)
    reviews = np.bincount(bins, counts, MAX_BINS).astype(np.int64)
    return {"width": width, "reviews": reviews.tolist()}


def _vocabulary(token_counts: Int64Array, token_text: Callable[[int], str]) -> dict[str, Any]:
    order = np.argsort(-token_counts, kind="stable")[:FREQUENT_TOKENS]
    return {
        "size": len(token_counts),
        "used": int(np.count_nonzero(token_counts)),
        "frequent": [
            {"id": i, "text": token_text(i), "count": int(token_counts[i])}
            for i in order.tolist()
            if token_counts[i]
        ],
    }


def _unknown(statistics: ReviewStatistics, unknown_id: int | None) -> Mapping[str, Any]:
    words = list(statistics.unknown_words.items())[:UNKNOWN_WORDS]
    return {
        "id": unknown_id,
        "tokens": 0 if unknown_id is None else int(statistics.token_counts[unknown_id]),
        "words": [{"text": word, "count": count} for word, count in words],
    }
