"""The ledger: every review and every token in = written + rejected + dropped, to the unit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TypeVar

from transforms.functional.errors import LedgerError

_Counts = TypeVar("_Counts", bound="_Addable")


class _Addable:
    """A dataclass whose sums and differences are those of its fields."""

    def __add__(self: _Counts, other: _Counts) -> _Counts:
        """Return the sum, field by field."""
        mine, theirs = vars(self), vars(other)
        return type(self)(**{name: mine[name] + theirs[name] for name in mine})

    def __sub__(self: _Counts, other: _Counts) -> _Counts:
        """Return the difference, field by field."""
        mine, theirs = vars(self), vars(other)
        return type(self)(**{name: mine[name] - theirs[name] for name in mine})


@dataclass(frozen=True, kw_only=True)
class ReviewCounts(_Addable):
    """Where the records of the inputs went.

    `read == written + rejected + dropped + duplicates + excluded + unlabelled`, always.

    Attributes:
        read: Records read from the inputs, good or bad.
        written: Reviews with at least one token (or row) in a shard.
        rejected: Records in `rejected/`.
        dropped: Reviews without a token in any block: empty ones, and those of the remainder.
        truncated: Of the written ones, those of which some tokens were dropped.
        duplicates: Reviews left out because an earlier one has the same text.
        excluded: Reviews left out because their text is in what `--exclude` names.
        unlabelled: Reviews left out because their label is -1.
        html_stripped: Of the read ones, those that HTML was taken out of.
        normalized: Of the read ones, those that another Unicode form changed.
    """

    read: int = 0
    written: int = 0
    rejected: int = 0
    dropped: int = 0
    truncated: int = 0
    duplicates: int = 0
    excluded: int = 0
    unlabelled: int = 0
    html_stripped: int = 0
    normalized: int = 0


@dataclass(frozen=True, kw_only=True)
class TokenCounts(_Addable):
    """Where the tokens of some reviews went.

    `tokenized + special + repeated == written + dropped`, always.

    Attributes:
        tokenized: Tokens of the review texts.
        special: Tokens that the tokenizer's template added.
        repeated: Tokens written once more because windows overlap.
        written: Tokens in rows, padding not counted.
        dropped: Tokens cut off by truncation, or in the remainder.
    """

    tokenized: int = 0
    special: int = 0
    repeated: int = 0
    written: int = 0
    dropped: int = 0


@dataclass(frozen=True, kw_only=True)
class Ledger(_Addable):
    """Counts of reviews and tokens, taken from what was committed."""

    reviews: ReviewCounts = field(default_factory=ReviewCounts)
    tokens: TokenCounts = field(default_factory=TokenCounts)

    def check(self) -> None:
        """Raise `LedgerError` when reviews or tokens do not add up."""
        reviews, tokens = self.reviews, self.tokens
        out = reviews.written + reviews.rejected + reviews.dropped
        out += reviews.duplicates + reviews.excluded + reviews.unlabelled
        if reviews.read != out:
            raise LedgerError(
                f"{reviews.read} reviews were read, but {out} are written ({reviews.written}), "
                f"rejected ({reviews.rejected}), dropped ({reviews.dropped}), duplicates "
                f"({reviews.duplicates}), excluded ({reviews.excluded}) or unlabelled "
                f"({reviews.unlabelled}); run the job again, and report it if it stays"
            )
        made = tokens.tokenized + tokens.special + tokens.repeated
        if made != tokens.written + tokens.dropped:
            raise LedgerError(
                f"{made} tokens were made, but {tokens.written} are written and {tokens.dropped} "
                f"dropped; run the job again, and report it if it stays"
            )

    def to_json(self) -> dict[str, dict[str, int]]:
        """Return the ledger as the manifest holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, dict[str, int]]) -> Ledger:
        """Return the ledger of a manifest."""
        return cls(
            reviews=ReviewCounts(**data["reviews"]),
            tokens=TokenCounts(**data["tokens"]),
        )
