"""What every layout of rows has: a length, the template's tokens, and room for text."""

from __future__ import annotations

from dataclasses import dataclass

from transforms.functional.rows.template import Template


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
