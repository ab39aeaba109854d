"""Which tokens masks of spans choose.

As SpanBERT (Joshi et al., TACL 2020): runs of 1 to 10 whole words, their lengths geometric with
p = 0.2, and one throw of 80/10/10 for all tokens of a run. SpanBERT draws runs until 15 % of a
block are masked; here each word begins a run with a fixed probability, chosen so that the expected
share of masked words is the recipe's. That needs no loop and no order of drawing. A run may also
have begun before the first word of a review, or of a block: so that word is as likely to be masked
as any other.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from transforms.functional.counter_random import split_mix

HALF = 2.0**32  # Of a draw: its upper 32 bits choose, the lower ones replace.

_LONGEST_SPAN = 10  # Words; both numbers are SpanBERT's.
_SPAN_END = 0.2


def is_below(draws: npt.NDArray[np.uint64], probability: float) -> npt.NDArray[np.bool_]:
    """Return where the upper 32 bits, as a number from 0 to 1, are below `probability`."""
    limit = math.ceil(probability * HALF)
    if limit >= 1 << 32:
        return np.ones(draws.shape, np.bool_)
    below: npt.NDArray[np.bool_] = draws < np.uint64(limit << 32)
    return below


def choose_spans(
    special: npt.NDArray[np.bool_],
    draws: npt.NDArray[np.uint64],
    word_starts: npt.NDArray[np.bool_],
    probability: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Return the flat places of tokens inside spans, and for each the draw of its span.

    A token that several spans cover belongs to the one that reaches farthest.

    Args:
        special: (n, length), True at tokens that are never chosen.
        draws: (n, length) uint64.
        word_starts: (n, length), True at the first token of each word.
        probability: Share of the words that is to be in spans.
    """
    flat, size = draws.reshape(-1), draws.size
    number, first = _word_numbers(special, word_starts)
    begin = span_begin_probability(probability)
    begins = np.flatnonzero(is_below(draws, begin) & word_starts)
    # Below `begin` the draw is uniform again: it also gives the length.
    uniform = upper_half(flat[begins]) / begin
    n_words = np.searchsorted(_at_most(), uniform, side="right") + 1
    before = split_mix(~flat[first])  # Another draw, of the spans that began before the word.
    n_reached = np.searchsorted(_reached_at_most(begin), upper_half(before), side="right")
    # Each span as one number: the largest of all up to a token reaches farthest.
    reach = np.zeros(size, np.int64)
    reach[begins] = ((number[begins] + n_words) * size + begins) * 2
    late = ((number[first] + n_reached) * size + first) * 2 + 1
    reach[first] = np.maximum(reach[first], late)
    spans = np.flatnonzero(reach != 0)
    farthest, source = np.divmod(np.maximum.accumulate(reach[spans]), 2 * size)
    ends = np.minimum(np.searchsorted(number, farthest), np.append(spans[1:], size))
    lengths = np.maximum(ends - spans, 0)
    branch = flat[source >> 1]
    branch = np.where(source & 1, split_mix(~branch), branch)
    return _ranges(spans, lengths), np.repeat(branch, lengths)


def _word_numbers(
    special: npt.NDArray[np.bool_], word_starts: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the number of each token's word, flat, and the places of words behind a gap.

    Words are counted so that no span reaches over a token of no word (the [SEP] and [CLS] between
    two reviews), or into the next block: both move the count on by more than any span is long.
    """
    gap = special & ~word_starts
    gap[:, 0] = True
    number = np.cumsum(word_starts + gap * np.uint8(_LONGEST_SPAN + 1), dtype=np.int64)
    words = np.flatnonzero(word_starts)
    behind = np.searchsorted(words, np.flatnonzero(gap))
    return number, words[behind[behind < len(words)]]


def _ranges(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return `[start, ..., start + length - 1]` of each pair, end to end."""
    ends = np.cumsum(lengths)
    places = np.repeat(starts - (ends - lengths), lengths)
    places += np.arange(len(places))
    return places


def upper_half(draws: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return the upper 32 bits as numbers from 0 to 1."""
    upper: npt.NDArray[np.float64] = (draws >> np.uint64(32)) / HALF
    return upper


@lru_cache
def _reached_at_most(begin: float) -> npt.NDArray[np.float64]:
    """Return the probability that spans which began before a word cover 0, 1, ... 8 words from it.

    A span that began `d` words before covers more than `n` when it is longer than `d + n`.

    Args:
        begin: How often a word begins a span.
    """
    longer = [*_longer_than(), *[0.0] * _LONGEST_SPAN]
    distances = range(1, _LONGEST_SPAN)
    return np.array(
        [math.prod(1 - begin * longer[d + n] for d in distances) for n in range(_LONGEST_SPAN - 1)]
    )


@lru_cache
def _at_most() -> npt.NDArray[np.float64]:
    """Return the probability that a span has at most 1, 2, ... 10 words."""
    return 1.0 - np.array(_longer_than()[1:])


def _longer_than() -> list[float]:
    """Return the probability that a span is longer than 0, 1, ... 10 words."""
    shares = [(1 - _SPAN_END) ** n for n in range(_LONGEST_SPAN)]
    return [sum(shares[n:]) / sum(shares) for n in range(_LONGEST_SPAN + 1)]


@lru_cache
def span_begin_probability(probability: float) -> float:
    """Return how often a word begins a span, so that `probability` of the words are in one.

    A word is in none when it begins none, the word before it none longer than one word, and so on:
    these are independent, so their probabilities multiply.
    """
    low, high = 0.0, 1.0
    for _ in range(60):  # Halves until float64 has no more digits.
        middle = (low + high) / 2
        outside = math.prod(1 - middle * longer for longer in _longer_than())
        low, high = (middle, high) if outside > 1 - probability else (low, middle)
    return high
