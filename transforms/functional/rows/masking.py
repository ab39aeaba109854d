"""Masks for masked language modelling, a pure function of seed, epoch and block.

BERT's recipe (Devlin et al., NAACL 2019): of the tokens chosen, 80 % become the mask token, 10 % a
random token, 10 % stay; all of them are predicted. With whole words (the BERT authors' later
`whole_word_mask`), words are chosen instead of tokens, and each token of a word falls to 80/10/10
by itself, as in that code. Choosing each word with the same probability makes the expected share of
chosen tokens that probability too.
Spans are runs of whole words; see `span_masks`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from transforms.functional.counter_random import block_draws, split_mix
from transforms.functional.rows.rows import Rows
from transforms.functional.rows.span_masks import HALF, choose_spans, is_below, upper_half

IGNORED = -100  # The label of a token that is not predicted, as in torch's cross entropy.

_TOKENS_AT_ONCE = 1 << 15  # Their draws stay in a core's cache.

_MASKED_BELOW, _RANDOM_BELOW = (
    np.array(math.ceil(share * HALF), np.uint32) for share in (0.8, 0.9)
)
_STAYS = np.uint32(0xFFFFFFFF)


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
        special: npt.NDArray[np.bool_] = self._specials.take(ids, mode="clip")
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
    *,
    label_type: type[np.signedinteger] = np.int32,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.signedinteger]]:
    """Mask a batch of blocks.

    Args:
        input_ids: (n, length) uint32, or another integer type that holds the vocabulary.
        word_starts: (n, length) bool, True at the first token of each word.
        blocks: (n, 5) int64 identities: epoch, shard (split, part, subset) and row. Each epoch has
            masks of its own.
        recipe: What to choose and how to replace it.
        label_type: Type of the labels.

    Returns:
        (n, length) ids (of the type given) with tokens replaced, and (n, length) labels: the old id
        where a token was chosen, `IGNORED` elsewhere.
    """
    labels = np.full(input_ids.shape, IGNORED, label_type)
    masked = np.array(input_ids, order="C")
    n_rows = max(1, _TOKENS_AT_ONCE // max(1, input_ids.shape[1]))
    for begin in range(0, len(input_ids), n_rows):
        part = slice(begin, begin + n_rows)
        _mask(masked[part], labels[part], word_starts[part], blocks[part], recipe)
    return masked, labels


def _mask(
    ids: npt.NDArray[np.uint32],
    labels: npt.NDArray[np.signedinteger],
    word_starts: npt.NDArray[np.bool_],
    blocks: npt.NDArray[np.int64],
    recipe: MaskRecipe,
) -> None:
    """Replace chosen tokens in ids, and write what they were into labels; both are changed."""
    draws = block_draws(recipe.seed, blocks, ids.shape[1])
    places, branch = _choice(ids, draws, word_starts, recipe)
    # From here on only chosen tokens are looked at, one in seven; then those that are not masked.
    flat, flat_labels = ids.reshape(-1), labels.reshape(-1)
    old = flat.take(places)
    lower = (draws.take(places) if branch is None else branch).astype(np.uint32)  # Of 64 bits.
    flat[places], flat_labels[places] = recipe.mask_id, old.astype(labels.dtype, copy=False)
    special = np.flatnonzero(recipe.is_special(old))
    flat_labels[places.take(special)], lower[special] = IGNORED, _STAYS
    others = np.flatnonzero(lower >= _MASKED_BELOW)
    places = places.take(others)
    flat[places] = _some_random(old.take(others), lower.take(others), draws, places, recipe)


def _choice(
    input_ids: npt.NDArray[np.uint32],
    draws: npt.NDArray[np.uint64],
    word_starts: npt.NDArray[np.bool_],
    recipe: MaskRecipe,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64] | None]:
    """Return the flat places of tokens to choose, and for spans the draw that decides 80/10/10."""
    if recipe.spans:
        return choose_spans(recipe.is_special(input_ids), draws, word_starts, recipe.probability)
    chosen = is_below(draws, recipe.probability)
    return np.flatnonzero(_of_words(chosen, word_starts) if recipe.whole_words else chosen), None


def _of_words(
    chosen: npt.NDArray[np.bool_], word_starts: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return (n * length,) True at all tokens of the words whose first token is chosen.

    Tokens before any word of a block follow the block's first. The arrays are taken as numbers, a
    bit a token: one that is added behind a chosen start is carried through its word.
    """
    size = word_starts.size
    starts = _number_of(word_starts) | _first_tokens(*word_starts.shape)
    begins, goes_on = _number_of(chosen) & starts, (1 << size) - 1 ^ starts
    # Where it was carried the sum has zeros.
    inside = begins | goes_on & ~(goes_on + (begins << 1 & goes_on))
    bits = np.frombuffer(inside.to_bytes(-(-size // 8), "little"), np.uint8)
    return np.unpackbits(bits, count=size, bitorder="little").view(np.bool_)


def _number_of(bits: npt.NDArray[np.bool_]) -> int:
    """Return bits as one number, the first as the lowest."""
    return int.from_bytes(np.packbits(bits, bitorder="little"), "little")


@lru_cache
def _first_tokens(n: int, length: int) -> int:
    """Return the number whose bits are the first tokens of n blocks."""
    return sum(1 << row * length for row in range(n))


def _some_random(
    ids: npt.NDArray[np.uint32],
    lower: npt.NDArray[np.uint32],
    draws: npt.NDArray[np.uint64],
    places: npt.NDArray[np.int64],
    recipe: MaskRecipe,
) -> npt.NDArray[np.uint32]:
    """Return ids, random ones where the draw is in the tenth for that; ids are changed.

    Args:
        ids: (n,) chosen tokens that do not become the mask token.
        lower: (n,) the lower 32 bits of the draws that decide it.
        draws: The draws of all tokens.
        places: (n,) the flat places of these.
        recipe: How many ids there are.
    """
    at_random = np.flatnonzero(lower < _RANDOM_BELOW)
    if recipe.spans:
        # One draw decided for the whole span: each token needs another for its id.
        share = upper_half(split_mix(draws.take(places.take(at_random))))
    else:
        # Inside its tenth the draw is uniform again: it also picks the token.
        share = (lower.take(at_random) / HALF - 0.8) / 0.1
    picks = (share * recipe.vocab_size).astype(ids.dtype)
    ids[at_random] = np.minimum(picks, recipe.vocab_size - 1)
    return ids
