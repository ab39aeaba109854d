"""Masks for masked language modelling, a pure function of seed, epoch and block.

BERT's recipe (Devlin et al., NAACL 2019): of the tokens chosen, 80 % become the mask token, 10 % a
random token, 10 % stay; all of them are predicted. With whole words (the BERT authors' later
`whole_word_mask`), words are chosen instead of tokens, and each token of a word falls to 80/10/10
by itself, as in that code. Choosing each word with the same probability makes the expected share of
chosen tokens that probability too.

Spans follow SpanBERT (Joshi et al., TACL 2020): runs of 1 to 10 whole words, their lengths
geometric with p = 0.2, and one throw of 80/10/10 for all tokens of a run. SpanBERT draws runs until
15 % of a block are masked; here each word begins a run with a fixed probability, chosen so that the
expected share of masked words is the recipe's. That needs no loop and no order of drawing. A run
may also have begun before the first word of a review, or of a block: so that word is as likely to
be masked as any other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from transforms.functional.counter_random import block_draws, split_mix
from transforms.functional.rows.rows import Rows

IGNORED = -100  # The label of a token that is not predicted, as in torch's cross entropy.

_HALF = 2.0**32

_MASKED_BELOW, _RANDOM_BELOW = (np.uint32(math.ceil(share * _HALF)) for share in (0.8, 0.9))

_LONGEST_SPAN = 10  # Words; both numbers are SpanBERT's.
_SPAN_END = 0.2


@dataclass(frozen=True, kw_only=True)
class MaskRecipe:
    """How tokens are chosen and replaced.

    Attributes:
        mask_id: Id of the mask token.
        vocab_size: Random tokens are drawn from ids 0 to `vocab_size - 1`.
        special_ids: Ids that are never chosen: special tokens, the unknown token, padding.
        probability: Share of the other tokens that is chosen, 0 to 1.
        whole_words: Choose words, not tokens.
        seed: Seed of the choice, 0 to 2**64 - 1.
        spans: Choose runs of words, as SpanBERT does.
    """

    mask_id: int
    vocab_size: int
    special_ids: tuple[int, ...]
    probability: float = 0.15
    whole_words: bool = False
    seed: int = 0
    spans: bool = False

    def __post_init__(self) -> None:
        """Check the probability, and that at most one unit is named."""
        if self.whole_words and self.spans:
            raise ValueError("whole_words and spans exclude each other: spans are of whole words")
        if not 0.0 < self.probability <= 1.0:
            raise ValueError(
                f"mlm_probability must be above 0 and at most 1, got {self.probability}"
            )

    @cached_property
    def _specials(self) -> npt.NDArray[np.bool_]:
        """(largest special id + 2,) bool, True for the special ones; the last stands for more."""
        table = np.zeros(max(self.special_ids, default=-1) + 2, np.bool_)
        table[list(self.special_ids)] = True
        return table

    def is_special(self, ids: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Return whether each of some ids is never chosen; of the same shape."""
        special: npt.NDArray[np.bool_] = self._specials[np.minimum(ids, len(self._specials) - 1)]
        return special


def mask_rows(rows: Rows, shard: tuple[int, int, int], recipe: MaskRecipe) -> Rows:
    """Return a shard's rows with static masks: epoch 0 of `mask_blocks`."""
    if rows.row_length is None:
        raise ValueError("masks need rows of one length, got ragged rows")
    shape = (len(rows), rows.row_length)
    blocks = np.empty((len(rows), 5), np.int64)
    blocks[:] = (0, *shard, 0)
    blocks[:, 4] = np.arange(len(rows))
    ids, labels = mask_blocks(
        rows.input_ids.reshape(shape), rows.word_starts.reshape(shape), blocks, recipe
    )
    return replace(rows, input_ids=ids.reshape(-1), mlm_labels=labels.reshape(-1))


def mask_blocks(
    input_ids: npt.NDArray[np.uint32],
    word_starts: npt.NDArray[np.bool_],
    blocks: npt.NDArray[np.int64],
    recipe: MaskRecipe,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """Mask a batch of blocks.

    Args:
        input_ids: (n, length) uint32, or another integer type that holds the vocabulary.
        word_starts: (n, length) bool, True at the first token of each word.
        blocks: (n, 5) int64 identities: epoch, shard (split, part, subset) and row. Each epoch has
            masks of its own.
        recipe: What to choose and how to replace it.

    Returns:
        (n, length) ids (of the type given) with tokens replaced, and (n, length) int32 labels: the
        old id where a token was chosen, `IGNORED` elsewhere.
    """
    draws = block_draws(recipe.seed, blocks, input_ids.shape[1])
    labels = np.full(input_ids.shape, IGNORED, np.int32)
    masked = np.array(input_ids, order="C")
    flat, own = masked.reshape(-1), draws.reshape(-1)
    # From here on only chosen tokens are looked at: one in seven.
    places, branch = _choice(input_ids, draws, word_starts, recipe)
    ids = flat[places]
    maskable = np.flatnonzero(~recipe.is_special(ids))
    places, ids = places[maskable], ids[maskable]
    labels.reshape(-1)[places] = ids
    draws_there = own[places]
    branch = draws_there if branch is None else branch[maskable]
    flat[places] = _replace(ids, branch, draws_there, recipe)
    return masked, labels


def _choice(
    input_ids: npt.NDArray[np.uint32],
    draws: npt.NDArray[np.uint64],
    word_starts: npt.NDArray[np.bool_],
    recipe: MaskRecipe,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64] | None]:
    """Return the flat places of tokens to choose, and for spans the draw that decides 80/10/10."""
    if recipe.spans:
        return _spans(input_ids, draws, word_starts, recipe)
    chosen = _below(draws, recipe.probability)
    return (_of_words(chosen, word_starts) if recipe.whole_words else np.flatnonzero(chosen)), None


def _of_words(
    chosen: npt.NDArray[np.bool_], word_starts: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Return the flat places of all tokens of the words whose first token is chosen.

    Tokens before any word of a block follow the block's first.
    """
    starts = np.array(word_starts)
    starts[:, 0] = True
    bounds = np.append(np.flatnonzero(starts), starts.size)
    words = np.flatnonzero(chosen.reshape(-1)[bounds[:-1]])
    lengths = bounds[words + 1] - bounds[words]
    ends = np.cumsum(lengths)
    shifts = bounds[words] - (ends - lengths)
    places: npt.NDArray[np.int64] = np.arange(lengths.sum()) + np.repeat(shifts, lengths)
    return places


def _below(draws: npt.NDArray[np.uint64], probability: float) -> npt.NDArray[np.bool_]:
    """Return where the upper 32 bits, as a number from 0 to 1, are below `probability`."""
    limit = math.ceil(probability * _HALF)
    if limit >= 1 << 32:
        return np.ones(draws.shape, np.bool_)
    below: npt.NDArray[np.bool_] = draws < np.uint64(limit << 32)
    return below


def _spans(
    input_ids: npt.NDArray[np.uint32],
    draws: npt.NDArray[np.uint64],
    word_starts: npt.NDArray[np.bool_],
    recipe: MaskRecipe,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Return the flat places of tokens inside spans, and for each the draw of its span.

    A token that several spans cover belongs to the one that reaches farthest.
    """
    flat = draws.reshape(-1)
    words = np.flatnonzero(word_starts)
    # Words are counted so that no span reaches over a token of no word (the [SEP] and [CLS] between
    # two reviews), or into the next block: both move the count on by more than any span is long.
    gap = recipe.is_special(input_ids) & ~word_starts
    gap[:, 0] = True
    number = np.cumsum(word_starts + gap * np.int64(_LONGEST_SPAN + 1)).reshape(-1)
    begin = span_begin_probability(recipe.probability)
    begins = words[_below(flat[words], begin)]
    # Below `begin` the draw is uniform again: it also gives the length.
    uniform = _upper(flat[begins]) / begin
    n_words = np.searchsorted(1.0 - np.array(_longer_than()[1:]), uniform, side="right") + 1
    first = words[np.diff(number[words], prepend=-2) > 1]
    before = split_mix(~flat[first])  # Another draw, of the spans that began before the word.
    n_reached = np.searchsorted(_reached_at_most(begin), _upper(before), side="right")
    # Each span as one number: the largest of all up to a token reaches farthest.
    reach = np.zeros(draws.size, np.int64)
    reach[begins] = ((number[begins] + n_words) * draws.size + begins) * 2
    late = ((number[first] + n_reached) * draws.size + first) * 2 + 1
    reach[first] = np.maximum(reach[first], late)
    np.maximum.accumulate(reach, out=reach)
    places = np.flatnonzero(reach // (2 * draws.size) > number)
    source, is_late = np.divmod(reach[places] % (2 * draws.size), 2)
    branch = flat[source]
    return places, np.where(is_late == 1, split_mix(~branch), branch)


def _upper(draws: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return the upper 32 bits as numbers from 0 to 1."""
    upper: npt.NDArray[np.float64] = (draws >> np.uint64(32)) / _HALF
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


def _replace(
    ids: npt.NDArray[np.uint32],
    branch: npt.NDArray[np.uint64],
    draws: npt.NDArray[np.uint64],
    recipe: MaskRecipe,
) -> npt.NDArray[np.uint32]:
    """Return 80 % mask tokens, 10 % random ids, 10 % the ids given.

    Args:
        ids: (n,) the chosen tokens' ids.
        branch: (n,) draws whose lower 32 bits decide between the three.
        draws: (n,) the tokens' own.
        recipe: The mask token, and how many ids there are.
    """
    lower = branch.astype(np.uint32)  # Drops the upper bits.
    replaced = np.where(lower < _MASKED_BELOW, np.uint32(recipe.mask_id), ids)
    at_random = np.flatnonzero((lower >= _MASKED_BELOW) & (lower < _RANDOM_BELOW))
    if recipe.spans:
        # One draw decided for the whole span: each token needs another for its id.
        share = _upper(split_mix(draws[at_random]))
    else:
        # Inside its tenth the draw is uniform again: it also picks the token.
        share = (lower[at_random] / _HALF - 0.8) / 0.1
    picks = (share * recipe.vocab_size).astype(np.uint32)
    replaced[at_random] = np.minimum(picks, recipe.vocab_size - 1)
    return replaced
