"""Masks for masked language modelling, a pure function of seed, epoch and block.

BERT's recipe (Devlin et al., NAACL 2019): of the tokens chosen, 80 % become the mask token, 10 % a
random token, 10 % stay; all of them are predicted. With whole words (the BERT authors' later
`whole_word_mask`), words are chosen instead of tokens, and each token of a word falls to 80/10/10
by itself, as in that code. Choosing each word with the same probability makes the expected share of
chosen tokens that probability too.

Spans follow SpanBERT (Joshi et al., TACL 2020): runs of 1 to 10 whole words, their lengths
geometric with p = 0.2, and one throw of 80/10/10 for all tokens of a run. SpanBERT draws runs until
15 % of a block are masked; here each word begins a run with a fixed probability, chosen so that the
expected share of masked words is the recipe's. That needs no loop and no order of drawing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from transforms.functional.counter_random import BlockRandom, split_mix
from transforms.functional.rows.rows import Rows

IGNORED = -100  # The label of a token that is not predicted, as in torch's cross entropy.

_HALF = 2.0**32

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


def mask_rows(rows: Rows, shard: tuple[int, int, int], recipe: MaskRecipe) -> Rows:
    """Return a shard's rows with static masks: epoch 0 of `mask_blocks`."""
    if rows.row_length is None:
        raise ValueError("masks need rows of one length, got ragged rows")
    shape = (len(rows), rows.row_length)
    ids, labels = mask_blocks(
        rows.input_ids.reshape(shape),
        rows.word_starts.reshape(shape),
        [(shard, row) for row in range(len(rows))],
        recipe,
        epoch=0,
    )
    return replace(rows, input_ids=ids.reshape(-1), mlm_labels=labels.reshape(-1))


def mask_blocks(
    input_ids: npt.NDArray[np.uint32],
    word_starts: npt.NDArray[np.bool_],
    blocks: Sequence[tuple[tuple[int, int, int], int]],
    recipe: MaskRecipe,
    epoch: int,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """Mask a batch of blocks.

    Args:
        input_ids: (n, length) uint32, or another integer type that holds the vocabulary.
        word_starts: (n, length) bool, True at the first token of each word.
        blocks: (n) identities: shard (split, part, subset) and row.
        recipe: What to choose and how to replace it.
        epoch: Each epoch has masks of its own.

    Returns:
        (n, length) ids (of the type given) with tokens replaced, and (n, length) int32 labels: the
        old id where a token was chosen, `IGNORED` elsewhere.
    """
    n_blocks, length = input_ids.shape
    draws = np.empty((n_blocks, length), np.uint64)
    random = BlockRandom(recipe.seed)
    for place, (shard, row) in enumerate(blocks):
        draws[place] = random.draws(epoch, shard, row, length)
    chosen, source = _choice(input_ids, draws, word_starts, recipe)
    labels = np.full(input_ids.shape, IGNORED, np.int32)
    masked = np.array(input_ids, order="C")
    # From here on only chosen tokens are looked at: one in seven.
    places = np.flatnonzero(chosen)
    ids = masked.reshape(-1)[places]
    maskable = ~np.isin(ids, recipe.special_ids)
    places, ids = places[maskable], ids[maskable]
    labels.reshape(-1)[places] = ids
    flat = draws.reshape(-1)
    branch = flat[places if source is None else source.reshape(-1)[places]]
    masked.reshape(-1)[places] = _replace(ids, branch, flat[places], recipe)
    return masked, labels


def _choice(
    input_ids: npt.NDArray[np.uint32],
    draws: npt.NDArray[np.uint64],
    word_starts: npt.NDArray[np.bool_],
    recipe: MaskRecipe,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64] | None]:
    """Return which tokens to choose, and for spans the flat place whose draw decides 80/10/10."""
    if recipe.spans:
        return _spans(input_ids, draws, word_starts, recipe)
    chosen = _below(draws, recipe.probability)
    if recipe.whole_words:
        # Every token follows the first of its word (those before any word, the block's first):
        # the largest `2 * place + chosen` so far is that of the last word start.
        places = np.arange(0, 2 * draws.shape[1], 2, dtype=np.int32)
        last = np.where(word_starts, places + chosen, 0)
        last[:, 0] = chosen[:, 0]
        np.maximum.accumulate(last, axis=1, out=last)
        chosen = (last & 1).astype(np.bool_)
    return chosen, None


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
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return the tokens inside spans, and for each token the flat place where its span begins.

    A token that several spans cover belongs to the one that reaches farthest.
    """
    n_blocks, length = draws.shape
    begin = span_begin_probability(recipe.probability)
    begins = np.flatnonzero(word_starts & _below(draws, begin))
    # Below `begin` the draw is uniform again: it also gives the length.
    uniform = (draws.reshape(-1)[begins] >> np.uint64(32)) / (_HALF * begin)
    n_words = np.searchsorted(1.0 - np.array(_longer_than()[1:]), uniform, side="right") + 1
    # Words are counted so that no span reaches over a token of no word (the [SEP] and [CLS] between
    # two reviews): such a token moves the count on by more than any span is long.
    gap = np.isin(input_ids, recipe.special_ids) & ~word_starts
    number = np.cumsum(word_starts + gap * np.int64(_LONGEST_SPAN + 1), axis=1)
    reach = np.zeros(n_blocks * length, np.int64)
    reach[begins] = (number.reshape(-1)[begins] + n_words) * length + begins % length
    reach = np.maximum.accumulate(reach.reshape(n_blocks, length), axis=1)
    source = reach % length + np.arange(0, n_blocks * length, length)[:, None]
    return reach // length > number, source


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
    uniform = (branch & np.uint64(0xFFFFFFFF)) / _HALF
    replaced = np.where(uniform < 0.8, np.uint32(recipe.mask_id), ids)
    at_random = (uniform >= 0.8) & (uniform < 0.9)
    if recipe.spans:
        # One draw decided for the whole span: each token needs another for its id.
        share = (split_mix(draws[at_random]) >> np.uint64(32)) / _HALF
    else:
        # Inside its tenth the draw is uniform again: it also picks the token.
        share = (uniform[at_random] - 0.8) / 0.1
    picks = (share * recipe.vocab_size).astype(np.uint32)
    replaced[at_random] = np.minimum(picks, recipe.vocab_size - 1)
    return replaced
