"""What every layout of rows has: a length, the template's tokens, and room for text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Template:
    """Ids that the tokenizer puts around one sequence, as `[CLS] ... [SEP]`."""

    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Return the number of special tokens a sequence gets."""
        return len(self.ids)

    @property
    def ids(self) -> tuple[int, ...]:
        """Return the special tokens of a sequence, in order."""
        return (*self.prefix, *self.suffix)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Rows of at most `max_length` tokens.

    Attributes:
        max_length: Most tokens in a row, special ones included.
        template: Special tokens that the tokenizer adds.
        pad_id: Id of padding; None where no row is padded.
    """

    max_length: int
    template: Template
    pad_id: int | None = None

    def __post_init__(self) -> None:
        """Check that a row has room for text."""
        if self.room < 1:
            n_special = len(self.template)
            raise ValueError(
                f"max_length must be at least {n_special + 1} (one token and {n_special} "
                f"specials), got {self.max_length}"
            )

    @property
    def room(self) -> int:
        """Tokens of text that fit into a row beside one template."""
        return self.max_length - len(self.template)

    @property
    def row_length(self) -> int | None:
        """Tokens in every row; None where rows are ragged."""
        return self.max_length

    def offsets(self, n_rows: int) -> npt.NDArray[np.int64]:
        """Return (n_rows + 1,) where rows of one length begin and end."""
        return np.arange(n_rows + 1, dtype=np.int64) * self.max_length
