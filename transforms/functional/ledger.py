"""The ledger: every review and every token in = written + rejected + dropped, to the unit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from transforms.functional.errors import LedgerError
from transforms.functional.rows import TokenCounts


@dataclass(frozen=True, kw_only=True)
class ReviewCounts:
    """Where the records of the inputs went: `read == written + rejected + dropped`.

    Attributes:
        read: Records read from the inputs, good or bad.
        written: Reviews with at least one token (or row) in a shard.
        rejected: Records in `rejected/`.
        dropped: Reviews without a token in any block: empty ones, and those of the remainder.
        truncated: Of the written ones, those of which some tokens were dropped.
    """

    read: int = 0
    written: int = 0
    rejected: int = 0
    dropped: int = 0
    truncated: int = 0


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Counts of reviews and tokens, taken from what was committed."""

    reviews: ReviewCounts = field(default_factory=ReviewCounts)
    tokens: TokenCounts = field(default_factory=TokenCounts)

    def check(self) -> None:
        """Raise `LedgerError` when reviews or tokens do not add up."""
        reviews, tokens = self.reviews, self.tokens
        out = reviews.written + reviews.rejected + reviews.dropped
        if reviews.read != out:
            raise LedgerError(
                f"{reviews.read} reviews were read, but {out} are written ({reviews.written}), "
                f"rejected ({reviews.rejected}) or dropped ({reviews.dropped}); run the job again, "
                f"and report it if it stays"
            )
        made = tokens.tokenized + tokens.special + tokens.repeated
        if made != tokens.written + tokens.dropped:
            raise LedgerError(
                f"{made} tokens were made, but {tokens.written} are written and {tokens.dropped} "
                f"dropped; run the job again, and report it if it stays"
            )

    def to_json(self) -> dict[str, dict[str, int]]:
        """Return the ledger as it stands in the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, dict[str, int]]) -> Ledger:
        """Return the ledger of a manifest."""
        return cls(
            reviews=ReviewCounts(**data["reviews"]),
            tokens=TokenCounts(**data["tokens"]),
        )
