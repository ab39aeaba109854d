"""Word starts and word ids: two spellings of one fact.

A shard stores one bit a token, `word_starts`. Inside a row `word_ids = cumsum(word_starts) - 1`,
and -1 on the tokens that belong to no word: the tokenizer's template tokens and padding. Those are
the tokens that are no word start *and* whose id is one that the template or the padding puts there.
An id alone would not do: a review may hold the literal text `[SEP]`, which is a word of its own and
therefore always a word start.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def word_ids_from_starts(
    input_ids: npt.NDArray[np.unsignedinteger],
    word_starts: npt.NDArray[np.bool_],
    template_ids: npt.NDArray[np.unsignedinteger],
) -> npt.NDArray[np.int32]:
    """Return the word number of each token, -1 where it belongs to no word.

    Args:
        input_ids: (..., length), the rows of a shard.
        word_starts: (..., length) bool, beside them.
        template_ids: (n,) ids of the template's tokens and of padding (`manifest.template_ids`).

    Returns:
        (..., length) int32, counted from 0 in each row.
    """
    word_ids = np.cumsum(word_starts, axis=-1, dtype=np.int32) - 1
    return np.where(no_word(input_ids, word_starts, template_ids), np.int32(-1), word_ids)


def no_word(
    input_ids: npt.NDArray[np.unsignedinteger],
    word_starts: npt.NDArray[np.bool_],
    template_ids: npt.NDArray[np.unsignedinteger],
) -> npt.NDArray[np.bool_]:
    """Return True where a token is a template token or padding; same shape as `input_ids`."""
    outside = ~word_starts
    if len(template_ids) == 0:
        return np.zeros_like(outside)
    hit = input_ids == template_ids[0]
    for template_id in template_ids[1:]:
        hit |= input_ids == template_id
    outside &= hit
    return outside
