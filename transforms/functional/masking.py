"""Masks for masked language modelling, a pure function of seed, epoch and block.

BERT's recipe (Devlin et al., NAACL 2019): of the tokens chosen, 80 % become the mask token, 10 % a
random token, 10 % stay; all of them are predicted. With whole words (the BERT authors' later
`whole_word_mask`), words are chosen instead of tokens, and each token of a word falls to 80/10/10
by itself, as in that code. Choosing each word with the same probability makes the expected share of
chosen tokens that probability too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.functional.counter_random import BlockRandom
from transforms.functional.rows import Rows

IGNORED = -100  # The label of a token that is not predicted, as in torch's cross entropy.

_HALF = 2.0**32


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
    """

    mask_id: int
    vocab_size: int
    special_ids: tuple[int, ...]
    probability: float = 0.15
    whole_words: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the probability."""
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
    return Rows(
        row_length=rows.row_length,
        offsets=rows.offsets,
        input_ids=ids.reshape(-1),
        attention_mask=rows.attention_mask,
        word_starts=rows.word_starts,
        review=rows.review,
        mlm_labels=labels.reshape(-1),
    )


def mask_blocks(
    input_ids: npt.NDArray[np.uint32],
    word_starts: npt.NDArray[np.bool_],
    blocks: Sequence[tuple[tuple[int, int, int], int]],
    recipe: MaskRecipe,
    epoch: int,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """Mask a batch of blocks.

    Args:
        input_ids: (n, length) uint32.
        word_starts: (n, length) bool, True at the first token of each word.
        blocks: (n) identities: shard (split, part, subset) and row.
        recipe: What to choose and how to replace it.
        epoch: Each epoch has masks of its own.

    Returns:
        (n, length) uint32 ids with tokens replaced, and (n, length) int32 labels: the old id where
        a token was chosen, `IGNORED` elsewhere.
    """
    n_blocks, length = input_ids.shape
    words = np.empty((n_blocks, length), np.uint64)
    random = BlockRandom(recipe.seed)
    for place, (shard, row) in enumerate(blocks):
        words[place] = random.words(epoch, shard, row, length)
    maskable = ~np.isin(input_ids, recipe.special_ids)
    chosen = maskable & _choice(words >> np.uint64(32), word_starts, recipe)
    labels = np.where(chosen, input_ids.astype(np.int32), np.int32(IGNORED))
    masked = input_ids.copy()
    masked[chosen] = _replace(input_ids[chosen], words[chosen] & np.uint64(0xFFFFFFFF), recipe)
    return masked, labels


def _choice(
    draws: npt.NDArray[np.uint64], word_starts: npt.NDArray[np.bool_], recipe: MaskRecipe
) -> npt.NDArray[np.bool_]:
    """Return which tokens to choose; every token of a word follows its first one."""
    if recipe.whole_words:
        place = np.where(word_starts, np.arange(word_starts.shape[1]), 0)
        first = np.maximum.accumulate(place, axis=1)
        draws = np.take_along_axis(draws, first, axis=1)
    return draws < recipe.probability * _HALF


def _replace(
    ids: npt.NDArray[np.uint32], draws: npt.NDArray[np.uint64], recipe: MaskRecipe
) -> npt.NDArray[np.uint32]:
    """Return 80 % mask tokens, 10 % random ids, 10 % the ids given, by (n,) draws of 32 bits."""
    uniform = draws / _HALF
    replaced = np.where(uniform < 0.8, np.uint32(recipe.mask_id), ids)
    at_random = (uniform >= 0.8) & (uniform < 0.9)
    # Inside its tenth the draw is uniform again: it also picks the token.
    picks = ((uniform[at_random] - 0.8) / 0.1 * recipe.vocab_size).astype(np.uint32)
    replaced[at_random] = np.minimum(picks, recipe.vocab_size - 1)
    return replaced
