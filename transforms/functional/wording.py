"""Numbers in sentences."""

from __future__ import annotations


def counted(n: int, what: str) -> str:
    """Return a number of things: `1 file`, `1,234 files`."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
