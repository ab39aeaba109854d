"""Classification: each review truncated, or cut into windows, and padded.

The rows are those of `tokenizer(text, truncation=True, max_length=..., padding=...)`, with
`return_overflowing_tokens=True, stride=...` for windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.rows.layout import Layout
from transforms.functional.rows.rows import PackedReviews, Rows
from transforms.functional.tokenization.tokens import Tokens, offsets_of

Side = Literal["left", "right"]


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


@dataclass(frozen=True, kw_only=True)
class _Spans:
    """Which tokens each row takes: `[start, start + length)` of the flat ids."""

    review: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]


def pad_reviews(tokens: Tokens, layout: RowLayout) -> PackedReviews:
    """Turn each review into one row, or with windows into several.

    Args:
        tokens: Reviews without special tokens.
        layout: Lengths, padding and sides.

    Returns:
        Rows and counts; the rows of a review follow each other and share its `review` number.
    """
    spans = (
        _truncated(tokens, layout) if layout.overflow == "truncate" else _windows(tokens, layout)
    )
    n_special = len(layout.template)
    taken = int(spans.length.sum())
    covered = int(np.minimum(tokens.lengths, layout.room).sum())
    over = layout.overflow == "truncate"
    return PackedReviews(
        rows=_fill(tokens, spans, layout),
        ledger=Ledger(
            reviews=ReviewCounts(
                written=len(np.unique(spans.review)),
                truncated=int(np.count_nonzero(tokens.lengths > layout.room)) if over else 0,
            ),
            tokens=TokenCounts(
                tokenized=len(tokens.ids),
                special=len(spans.review) * n_special,
                repeated=0 if over else taken - len(tokens.ids),
                written=taken + len(spans.review) * n_special,
                dropped=len(tokens.ids) - covered if over else 0,
            ),
        ),
    )


def _truncated(tokens: Tokens, layout: RowLayout) -> _Spans:
    lengths = np.minimum(tokens.lengths, layout.room)
    cut = tokens.lengths - lengths
    start = tokens.offsets[:-1] + (cut if layout.truncation_side == "left" else 0)
    return _Spans(review=np.arange(len(tokens)), start=start, length=lengths)


def _windows(tokens: Tokens, layout: RowLayout) -> _Spans:
    """Return windows that step `room - stride` tokens, up to the one that reaches the end."""
    step = layout.room - layout.stride
    beyond = np.maximum(tokens.lengths - layout.room, 0)
    n_windows = 1 + -(-beyond // step)
    review = np.repeat(np.arange(len(tokens)), n_windows)
    first = offsets_of(n_windows)[:-1]
    shift = (np.arange(len(review)) - first[review]) * step
    lengths = tokens.lengths[review]
    if layout.truncation_side == "right":
        start, end = shift, np.minimum(shift + layout.room, lengths)
    else:
        end = lengths - shift
        start = np.maximum(end - layout.room, 0)
    return _Spans(review=review, start=tokens.offsets[review] + start, length=end - start)


def _fill(tokens: Tokens, spans: _Spans, layout: RowLayout) -> Rows:
    template, n_rows = layout.template, len(spans.review)
    fixed = layout.padding == "max_length"
    real = spans.length + len(template)
    offsets = (
        np.arange(n_rows + 1, dtype=np.int64) * layout.max_length if fixed else offsets_of(real)
    )
    at_left = fixed and layout.padding_side == "left"
    begin = offsets[1:] - real if at_left else offsets[:-1]

    ids = np.full(offsets[-1], layout.pad_id or 0, np.uint32)
    mask = np.zeros(offsets[-1], np.bool_)
    starts = np.zeros(offsets[-1], np.bool_)
    mask[_ranges(begin, real)] = True
    for place, token in enumerate(template.prefix):
        ids[begin + place] = token
    for place, token in enumerate(reversed(template.suffix), start=1):
        ids[begin + real - place] = token
    target = _ranges(begin + len(template.prefix), spans.length)
    origin = _ranges(spans.start, spans.length)
    ids[target] = tokens.ids[origin]
    starts[target] = tokens.word_starts[origin]
    with_text = spans.length > 0
    starts[(begin + len(template.prefix))[with_text]] = True
    return Rows(
        row_length=layout.max_length if fixed else None,
        offsets=offsets,
        input_ids=ids,
        attention_mask=mask,
        word_starts=starts,
        review=spans.review,
    )


def _ranges(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> np.ndarray:
    """Return `[start, ..., start + length - 1]` of each pair, end to end, as int64."""
    shifts = starts - offsets_of(lengths)[:-1]
    return np.arange(int(lengths.sum())) + np.repeat(shifts, lengths)
