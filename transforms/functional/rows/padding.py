"""Classification: each review truncated, or cut into windows, and padded.

The rows are those of `tokenizer(text, truncation=True, max_length=..., padding=...)`, with
`return_overflowing_tokens=True, stride=...` for windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.rows.layout import Layout
from transforms.functional.rows.rows import PackedReviews, Rows
from transforms.functional.rows.spans import Side, Spans, fill_rows, windows
from transforms.functional.tokenization.tokens import Tokens, offsets_of


@dataclass(frozen=True, kw_only=True)
class RowLayout(Layout):
    """How a review becomes rows.

    Attributes:
        padding: Pad rows to `max_length`, or leave them ragged (`longest`, padded when loaded).
        overflow: What happens to tokens past the first row: dropped, or more rows.
        stride: Tokens that one window shares with the next.
        padding_side: Where padding goes.
        truncation_side: Which end of a long review is cut off (with windows: read last).
    """

    padding: Literal["max_length", "longest"] = "max_length"
    overflow: Literal["truncate", "windows"] = "truncate"
    stride: int = 0
    padding_side: Side = "right"
    truncation_side: Side = "right"

    @property
    def row_length(self) -> int | None:
        """Tokens in every row; None where rows are ragged."""
        return self.max_length if self.padding == "max_length" else None

    def __post_init__(self) -> None:
        """Check that a row has room, that windows move forward, and that padding has an id."""
        super().__post_init__()
        if self.overflow == "windows" and not 0 <= self.stride < self.room:
            raise ValueError(
                f"stride must be from 0 to {self.room - 1} (max_length without the specials, "
                f"less one), got {self.stride}"
            )
        if self.padding == "max_length" and self.pad_id is None:
            raise ValueError("padding='max_length' needs a pad_id, got None")


def pad_reviews(tokens: Tokens, layout: RowLayout) -> PackedReviews:
    """Turn each review into one row, or with windows into several.

    Returns:
        Rows and counts; the rows of a review follow each other and share its `review` number.
    """
    over = layout.overflow == "truncate"
    stride = 0 if over else layout.stride
    spans = windows(tokens, layout.room, stride=stride, side=layout.truncation_side)
    if over:
        spans = spans.take(np.diff(spans.review, prepend=-1) > 0)
    n_special = len(layout.template)
    taken = int(spans.length.sum())
    return PackedReviews(
        rows=_fill(tokens, spans, layout),
        ledger=Ledger(
            reviews=ReviewCounts(
                written=len(np.unique(spans.review)),
                truncated=int(np.count_nonzero(tokens.lengths > layout.room)) if over else 0,
            ),
            tokens=TokenCounts(
                tokenized=len(tokens.ids),
                special=len(spans) * n_special,
                repeated=0 if over else taken - len(tokens.ids),
                written=taken + len(spans) * n_special,
                dropped=len(tokens.ids) - taken if over else 0,
            ),
        ),
    )


def _fill(tokens: Tokens, spans: Spans, layout: RowLayout) -> Rows:
    real = spans.length + len(layout.template)
    offsets = offsets_of(real) if layout.row_length is None else layout.offsets(len(spans))
    # Of ragged rows both are the same.
    begin = offsets[1:] - real if layout.padding_side == "left" else offsets[:-1]
    return fill_rows(tokens, spans, begin, offsets, layout, review=spans.review)
