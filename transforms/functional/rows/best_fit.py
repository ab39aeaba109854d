"""Masked language modelling: whole reviews, several in a block, padded to its length.

Best-fit decreasing (Johnson et al., SIAM Journal on Computing 3, 1974): the longest review first,
each into the block where it leaves the least room, or into a new one. A review that is longer than
a block is cut into windows first. On reviews of many lengths there is almost no padding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.rows.layout import Layout
from transforms.functional.rows.rows import PackedReviews
from transforms.functional.rows.spans import Spans, fill_rows, windows
from transforms.functional.tokenization.tokens import Tokens, offsets_of

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class BestFitLayout(Layout):
    """Blocks of whole reviews; where these begin is always written."""

    def __post_init__(self) -> None:
        """Check that a block has room, and an id to pad with."""
        super().__post_init__()
        if self.pad_id is None:
            raise ValueError("packing='best_fit' needs a pad_id, got None")


def fit_reviews(tokens: Tokens, layout: BestFitLayout) -> PackedReviews:
    """Put each review, between its special tokens, into a block as a whole.

    A review longer than a block becomes windows that share no token, each between special tokens of
    its own. All but the last fill a block; they stand before the block with the last one, which
    may hold the last ones of other long reviews too. So rows that share a review follow each other.
    Else blocks are in the order of their first reviews, and so are reviews in a block.

    Returns:
        Blocks and counts. Nothing is dropped but reviews without a token.
    """
    n_special = len(layout.template)
    spans = windows(tokens, layout.room)
    spans = spans.take(spans.length + n_special > 0)
    blocks = best_fit(spans.length + n_special, layout.max_length)
    order = _order(spans, blocks)
    spans, blocks = spans.take(order), blocks[order]
    real = spans.length + n_special
    is_first = np.diff(blocks, prepend=-1) != 0
    before = offsets_of(real)[:-1]
    row = np.cumsum(is_first) - 1
    begin = row * layout.max_length + before - before[is_first][row]
    offsets = layout.offsets(int(np.count_nonzero(is_first)))
    rows = fill_rows(tokens, spans, begin, offsets, layout, review=spans.review[is_first])
    review_starts = np.zeros(offsets[-1], np.bool_)
    review_starts[begin] = True
    written = len(np.unique(spans.review))
    return PackedReviews(
        rows=replace(rows, review_starts=review_starts),
        ledger=Ledger(
            reviews=ReviewCounts(written=written, dropped=len(tokens) - written),
            tokens=TokenCounts(
                tokenized=len(tokens.ids),
                special=len(spans) * n_special,
                written=int(real.sum()),
            ),
        ),
    )


def best_fit(lengths: Integers, capacity: int) -> Integers:
    """Return the block that each piece goes into, numbered as they were opened.

    Args:
        lengths: (n,) from 1 to `capacity`; of pieces of one length the earlier goes first.
        capacity: Room in a block.
    """
    order = np.argsort(-lengths, kind="stable")
    blocks = np.empty(len(lengths), np.int64)
    by_room: list[list[int]] = [[] for _ in range(capacity)]
    rooms = 0  # Bit r is set where a block has room for r more tokens: finds the least that fits.
    n_blocks = 0
    for place, length in zip(order.tolist(), lengths[order].tolist(), strict=True):
        fitting = rooms >> length
        if fitting:
            room = length + (fitting & -fitting).bit_length() - 1
            block = by_room[room].pop()
            if not by_room[room]:
                rooms ^= 1 << room
        else:
            room, block = capacity, n_blocks
            n_blocks += 1
        blocks[place] = block
        left = room - length
        if left:
            by_room[left].append(block)
            rooms |= 1 << left
    return blocks


def _order(spans: Spans, blocks: Integers) -> Integers:
    """Return the order of pieces, those of a block one after the other; see `fit_reviews`."""
    review = spans.review
    is_last = np.diff(review, append=-1) != 0
    # The group of a review are the windows that come before a block, and that block.
    last_block = blocks[is_last][np.cumsum(is_last) - is_last]
    first_review = np.full(int(blocks.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first_review, blocks[is_last], review[is_last])
    return np.lexsort((spans.start, review, is_last, first_review[last_block]))
