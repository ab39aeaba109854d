"""What the bits of a shard say of its rows: which word a token belongs to, and which review.

A shard stores one bit a token, `word_starts`. Inside a row `word_ids = cumsum(word_starts) - 1`,
and -1 on the tokens that belong to no word: the tokenizer's template tokens and padding. Those are
the tokens that are no word start *and* whose id is one that the template or the padding puts there.
An id alone would not do: a review may hold the literal text `[SEP]`, which is a word of its own and
therefore always a word start.

So it is with `review_starts`: True at the first token of a review inside its row.
A review that the edge of a block cuts starts again after it, as words do.

    input_ids      [CLS] good film [SEP] [CLS]   bad [SEP] [PAD]
    review_starts      1    0    0     0     1     0     0     0
    position_ids       0    1    2     3     0     1     2     0
    seq_idx            0    0    0     0     1     1     1    -1
    cu_seqlens         0                     4           7
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.bool_]


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


def position_ids_of(review_starts: Bits, real: Bits) -> npt.NDArray[np.int64]:
    """Return each token's place in its review, 0 on padding.

    Args:
        review_starts: (n, length).
        real: (n, length), False on padding.

    Returns:
        (n, length), from 0.
    """
    places = np.arange(review_starts.shape[1], dtype=np.int64)
    begins = np.maximum.accumulate(np.where(review_starts, places, 0), axis=1)
    return (places - begins) * real


def seq_idx_of(review_starts: Bits, real: Bits) -> npt.NDArray[np.int32]:
    """Return the number of each token's review in its row, from 0, and -1 on padding.

    Args:
        review_starts: (n, length).
        real: (n, length), False on padding.
    """
    numbers = np.cumsum(review_starts, axis=1, dtype=np.int32) - 1
    return np.where(real, numbers, np.int32(-1))


def cu_seqlens_of(seq_idx: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """Return where reviews begin when the real tokens of all rows are put end to end.

    Args:
        seq_idx: (n, length), of `seq_idx_of`.

    Returns:
        (reviews in all rows + 1,), from 0 to the number of real tokens: what kernels for sequences
        of different lengths call `cu_seqlens`.
    """
    rows = np.arange(len(seq_idx))[:, None] * np.int64(seq_idx.shape[1])
    numbers = (rows + seq_idx)[seq_idx >= 0]
    begins = np.flatnonzero(np.diff(numbers, prepend=-1))
    return np.append(begins, len(numbers)).astype(np.int32)
