"""Numbers and lists in sentences."""

from __future__ import annotations

from collections.abc import Sequence

NAMES_SHOWN = 3


def counted(n: int, what: str) -> str:
    """Return a number of things: `1 file`, `1,234 files`."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def cut_reviews(task: str) -> str:
    """Return what became of the reviews that a ledger calls truncated: they lost some tokens."""
    return "truncated" if task == "classification" else "cut at the end of a part"


def first_of(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
