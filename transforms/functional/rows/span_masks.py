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

_UPPER = np.array(32, np.uint64)  # An array: see `counter_random`.

_LONGEST_SPAN = 10  # Words; both numbers are SpanBERT's.
_SPAN_END = 0.2
_GAP = _LONGEST_SPAN + 2  # No span reaches over so many words.


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
    # The end of the last block stands for a word and a gap, so that each span finds its end.
    behind = special > word_starts  # Tokens of no word, as between two reviews.
    behind[:, 0] = True
    words, gaps = (np.flatnonzero(np.append(where, True)) for where in (word_starts, behind))
    begin = span_begin_probability(probability)
    drawn = draws.take(words[:-1])
    begins = np.flatnonzero(is_below(drawn, begin))
    # Below `begin` the draw is uniform again: it also gives the length.
    uniform = upper_half(drawn.take(begins)) / begin
    n_words = _at_most().searchsorted(uniform, "right") + 1
    first = words.searchsorted(gaps)
    # Another draw, of the spans that began before the first word behind a gap.
    before = split_mix(~draws.take(words.take(first), mode="clip"))
    n_reached = _reached_at_most(begin).searchsorted(upper_half(before), "right")
    # A span as one number: its word, whether it began before, how many words it has from there.
    spans = np.concatenate((begins << 5 | n_words, first << 5 | 16 | n_reached))
    spans.sort(kind="stable")
    word, length = spans >> 5, spans & 15
    place = words.take(word)
    gap = gaps.searchsorted(place, "right")
    reach = word + length
    ends = np.minimum(words.take(reach, mode="clip"), gaps.take(gap, mode="clip"))
    # The largest of all numbers up to a span is that of the one that reaches farthest.
    number = (reach + gap * _GAP) << 32 | np.arange(len(spans))
    farthest = np.maximum.accumulate(number)[:-1] & 0xFFFFFFFF
    lengths = np.maximum(np.minimum(ends.take(farthest), place[1:]) - place[:-1], 0)
    branch = draws.take(place, mode="clip")
    branch[np.flatnonzero(spans & 16)] = before
    return _ranges(place[:-1], lengths), branch.take(farthest).repeat(lengths)


def _ranges(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return `[start, ..., start + length - 1]` of each pair, end to end."""
    ends = lengths.cumsum()
    places: npt.NDArray[np.int64] = (starts - ends + lengths).repeat(lengths)
    places += np.arange(len(places))
    return places


def upper_half(draws: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return the upper 32 bits as numbers from 0 to 1."""
    upper: npt.NDArray[np.float64] = (draws >> _UPPER) / HALF
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
