"""Masked language modelling: reviews end to end, cut into blocks.

The rows are those of `group_texts` in Hugging Face's language modelling examples, run over all
reviews of a part in one batch: special tokens around each review, concatenate, cut every
`max_length` tokens. `group_texts` drops what is left at the end; `remainder="pad"` keeps it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from transforms.functional.rows.rows import PackedReviews, Rows, TokenCounts
from transforms.functional.rows.template import Template, add_template
from transforms.functional.tokenization.tokens import Tokens


def pack_blocks(
    tokens: Tokens,
    *,
    max_length: int,
    template: Template,
    remainder: Literal["drop", "pad"] = "drop",
    pad_id: int | None = None,
) -> PackedReviews:
    """Concatenate reviews and cut them into blocks of `max_length` tokens.

    Args:
        tokens: Reviews without special tokens.
        max_length: Tokens in a block.
        template: Special tokens around each review.
        remainder: Drop the last tokens that fill no block, or pad them to one.
        pad_id: Id of padding; needed where `remainder` is `pad`.

    Returns:
        Blocks and counts. A word that a block's edge cuts starts anew in the next block.
    """
    if max_length < 1:
        raise ValueError(f"max_length must be at least 1, got {max_length}")
    if remainder == "pad" and pad_id is None:
        raise ValueError("remainder='pad' needs a pad_id, got None")
    stream, special = add_template(tokens, template)
    n_tokens = len(stream.ids)
    if remainder == "drop":
        n_rows = n_tokens // max_length
        kept = n_rows * max_length
    else:
        n_rows = -(-n_tokens // max_length)
        kept = n_tokens
    offsets = np.arange(n_rows + 1, dtype=np.int64) * max_length
    firsts = offsets[:-1]
    starts = stream.word_starts.copy()
    starts[firsts] = ~special[firsts]
    padding = n_rows * max_length - kept
    rows = Rows(
        row_length=max_length,
        offsets=offsets,
        input_ids=_pad(stream.ids[:kept], padding, pad_id or 0),
        attention_mask=_pad(np.ones(kept, np.bool_), padding, False),
        word_starts=_pad(starts[:kept], padding, False),
        review=np.searchsorted(stream.offsets, firsts, "right") - 1,
    )
    first, end = stream.offsets[:-1], stream.offsets[1:]
    begun = (first < kept) & (end > first)
    return PackedReviews(
        rows=rows,
        reviews_written=int(np.count_nonzero(begun)),
        reviews_dropped=int(np.count_nonzero((first >= kept) | (end == first))),
        reviews_truncated=int(np.count_nonzero(begun & (end > kept))),
        tokens=TokenCounts(
            tokenized=len(tokens.ids),
            special=len(tokens) * len(template),
            written=kept,
            dropped=n_tokens - kept,
        ),
    )


def _pad(values: np.ndarray, padding: int, fill: int | bool) -> np.ndarray:
    return np.concatenate([values, np.full(padding, fill, values.dtype)]) if padding else values
