"""Pieces of reviews, each between the template's tokens: windows, and how pieces fill rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from transforms.functional.rows.layout import Layout
from transforms.functional.rows.rows import Rows
from transforms.functional.tokenization.tokens import Tokens, offsets_of

Side = Literal["left", "right"]


@dataclass(frozen=True, kw_only=True)
class Spans:
    """Pieces of reviews: tokens `[start, start + length)` of the flat ids.

    Attributes:
        review: (n,) int64, the review of each.
        start: (n,) int64.
        length: (n,) int64, template not counted.
    """

    review: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self.review)

    def take(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Spans:
        """Return the chosen pieces, in their order."""
        return Spans(
            review=self.review[chosen], start=self.start[chosen], length=self.length[chosen]
        )


def windows(tokens: Tokens, room: int, *, stride: int = 0, side: Side = "right") -> Spans:
    """Return windows that step `room - stride` tokens, up to the one that reaches the end.

    Args:
        tokens: The reviews; an empty one has one empty window.
        room: Most tokens in a window.
        stride: Tokens that a window shares with the next.
        side: Where the last window lies: at the right end of a review, or at the left.
    """
    step = room - stride
    beyond = np.maximum(tokens.lengths - room, 0)
    n_windows = 1 + -(-beyond // step)
    review = np.repeat(np.arange(len(tokens)), n_windows)
    first = offsets_of(n_windows)[:-1]
    shift = (np.arange(len(review)) - first[review]) * step
    lengths = tokens.lengths[review]
    if side == "right":
        start, end = shift, np.minimum(shift + room, lengths)
    else:
        end = lengths - shift
        start = np.maximum(end - room, 0)
    return Spans(review=review, start=tokens.offsets[review] + start, length=end - start)


def fill_rows(
    tokens: Tokens,
    spans: Spans,
    begin: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    layout: Layout,
    *,
    review: npt.NDArray[np.int64],
) -> Rows:
    """Return rows with each piece, between the template's tokens, at its place.

    Args:
        tokens: The reviews.
        spans: Pieces of them.
        begin: (n_spans,) where each begins in the flat rows.
        offsets: (n_rows + 1,) where each row begins; what no piece fills is padding.
        layout: Template and padding.
        review: (n_rows,) the (first) review of each row.
    """
    template, real = layout.template, spans.length + len(layout.template)
    ids = np.full(offsets[-1], layout.pad_id or 0, np.uint32)
    mask, starts = np.zeros((2, offsets[-1]), np.bool_)
    mask[_ranges(begin, real)] = True
    for place, token in enumerate(template.prefix):
        ids[begin + place] = token
    for place, token in enumerate(reversed(template.suffix), start=1):
        ids[begin + real - place] = token
    target = _ranges(begin + len(template.prefix), spans.length)
    origin = _ranges(spans.start, spans.length)
    ids[target] = tokens.ids[origin]
    starts[target] = tokens.word_starts[origin]
    starts[(begin + len(template.prefix))[spans.length > 0]] = True
    return Rows(
        row_length=layout.row_length,
        offsets=offsets,
        input_ids=ids,
        attention_mask=mask,
        word_starts=starts,
        review=review,
    )


def _ranges(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> np.ndarray:
    """Return `[start, ..., start + length - 1]` of each pair, end to end, as int64."""
    shifts = starts - offsets_of(lengths)[:-1]
    return np.arange(int(lengths.sum())) + np.repeat(shifts, lengths)
