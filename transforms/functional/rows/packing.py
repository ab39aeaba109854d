"""Masked language modelling: reviews end to end, cut into blocks.

The rows are those of `group_texts` in Hugging Face's language modelling examples, run over all
reviews of a part in one batch: special tokens around each review, concatenate, cut every
`max_length` tokens. `group_texts` drops what is left at the end; `remainder="pad"` keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.rows.layout import Layout, Template
from transforms.functional.rows.rows import PackedReviews, Rows
from transforms.functional.tokenization.tokens import Tokens


@dataclass(frozen=True, kw_only=True)
class BlockLayout(Layout):
    """How reviews, end to end, become blocks of exactly `max_length` tokens.

    Attributes:
        remainder: Drop the last tokens that fill no block, or pad them to one.
        review_starts: Say where reviews begin in each block.
    """

    remainder: Literal["drop", "pad"] = "drop"
    review_starts: bool = False

    def __post_init__(self) -> None:
        """Check that a block has room, and an id to pad with where it has to be padded."""
        super().__post_init__()
        if self.remainder == "pad" and self.pad_id is None:
            raise ValueError("remainder='pad' needs a pad_id, got None")


def pack_blocks(tokens: Tokens, layout: BlockLayout) -> PackedReviews:
    """Concatenate reviews and cut them into blocks.

    Returns:
        Blocks and counts. A word or review that a block's edge cuts starts over in the next block.
    """
    max_length, template = layout.max_length, layout.template
    stream, special = add_template(tokens, template)
    n_tokens = len(stream.ids)
    if layout.remainder == "drop":
        n_rows = n_tokens // max_length
        kept = n_rows * max_length
    else:
        n_rows = -(-n_tokens // max_length)
        kept = n_tokens
    offsets = layout.offsets(n_rows)
    firsts = offsets[:-1]
    starts = stream.word_starts.copy()
    starts[firsts] = ~special[firsts]
    padding = n_rows * max_length - kept
    review_starts = None
    if layout.review_starts:
        review_starts = _pad(_review_starts(stream.offsets, firsts)[:kept], padding, False)
    rows = Rows(
        row_length=max_length,
        offsets=offsets,
        input_ids=_pad(stream.ids[:kept], padding, layout.pad_id or 0),
        attention_mask=_pad(np.ones(kept, np.bool_), padding, False),
        word_starts=_pad(starts[:kept], padding, False),
        review=np.searchsorted(stream.offsets, firsts, "right") - 1,
        review_starts=review_starts,
    )
    special_tokens = len(tokens) * len(template)
    return PackedReviews(rows=rows, ledger=_count(stream.offsets, kept, special_tokens))


def add_template(tokens: Tokens, template: Template) -> tuple[Tokens, npt.NDArray[np.bool_]]:
    """Return the reviews with their special tokens, and where those are.

    Returns:
        The new tokens (special ones start no word), and a (n_tokens,) bool mask of special ones.
    """
    offsets = tokens.offsets + len(template) * np.arange(len(tokens.offsets))
    special = np.zeros(offsets[-1], np.bool_)
    ids = np.empty(offsets[-1], np.uint32)
    for place, token in enumerate(template.prefix):
        special[offsets[:-1] + place] = True
        ids[offsets[:-1] + place] = token
    for place, token in enumerate(reversed(template.suffix), start=1):
        special[offsets[1:] - place] = True
        ids[offsets[1:] - place] = token
    text = ~special
    ids[text] = tokens.ids
    starts = np.zeros(offsets[-1], np.bool_)
    starts[text] = tokens.word_starts
    return Tokens(ids, starts, offsets), special


def _count(offsets: npt.NDArray[np.int64], kept: int, special: int) -> Ledger:
    """Count what became of each review, and of their tokens.

    Args:
        offsets: Where reviews begin and end among the tokens, template included.
        kept: Tokens that blocks hold; those after them are dropped.
        special: Tokens of the template.
    """
    first, end = offsets[:-1], offsets[1:]
    begun = (first < kept) & (end > first)
    n_tokens = int(offsets[-1])
    return Ledger(
        reviews=ReviewCounts(
            written=int(np.count_nonzero(begun)),
            dropped=int(np.count_nonzero(~begun)),
            truncated=int(np.count_nonzero(begun & (end > kept))),
        ),
        tokens=TokenCounts(
            tokenized=n_tokens - special,
            special=special,
            written=kept,
            dropped=n_tokens - kept,
        ),
    )


def _review_starts(
    offsets: npt.NDArray[np.int64], firsts: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return True where a review, or in a new block the rest of one, begins."""
    starts = np.zeros(offsets[-1], np.bool_)
    starts[offsets[:-1][np.diff(offsets) > 0]] = True
    starts[firsts] = True
    return starts


def _pad(values: np.ndarray, padding: int, fill: int | bool) -> np.ndarray:
    return np.concatenate([values, np.full(padding, fill, values.dtype)]) if padding else values
