"""Rows: what a shard holds, as flat numpy arrays.

Fixed rows (`row_length` tokens each) and ragged ones share one shape: values end to end, and
offsets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.functional.ledger import Ledger


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows of token ids and what stands beside them.

    Attributes:
        row_length: Tokens in every row; None where rows are ragged.
        offsets: (n_rows + 1,) int64, where each row begins and ends in the flat arrays.
        input_ids: (n_values,) uint32.
        attention_mask: (n_values,) bool, False on padding.
        word_starts: (n_values,) bool, True at the first token of a word inside its row.
        review: (n_rows,) int64, the row's (first) review: its index in the part.
        review_starts: (n_values,) bool, True at the first token of a review inside its row; None
            where that is not asked for.
        mlm_labels: (n_values,) int32, -100 where nothing is predicted; None without static masks.
    """

    row_length: int | None
    offsets: npt.NDArray[np.int64]
    input_ids: npt.NDArray[np.uint32]
    attention_mask: npt.NDArray[np.bool_]
    word_starts: npt.NDArray[np.bool_]
    review: npt.NDArray[np.int64]
    review_starts: npt.NDArray[np.bool_] | None = None
    mlm_labels: npt.NDArray[np.int32] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets) - 1

    @property
    def n_tokens(self) -> int:
        """Number of real tokens, padding not counted."""
        return int(np.count_nonzero(self.attention_mask))


@dataclass(frozen=True, kw_only=True)
class PackedReviews:
    """Rows made of reviews, and where the reviews and their tokens went."""

    rows: Rows
    ledger: Ledger
