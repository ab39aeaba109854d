"""What changes from generation to generation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Point = dict[str, Any]


def trend_point(
    generation: int, figures: Mapping[str, Any] | None, record: Mapping[str, Any] | None
) -> Point | None:
    """Return a few figures of what one generation added, None where nothing was counted.

    Args:
        generation: Its number.
        figures: What its workers counted.
        record: The record of its run.
    """
    measured = (figures or {}).get("measured")
    if figures is None or not measured or not measured["reviews"] or "reviews" not in figures:
        return None
    n, counts = measured["reviews"], figures["reviews"]
    repeated = measured["duplicates"]
    labels = measured["labels"] or []
    return {
        "generation": generation,
        "ended": record["ended"] if record else None,
        "reviews": n,
        "mean_tokens": measured["tokens"] / n + measured["lengths"]["special"],
        "rejected_share": counts["rejected"] / counts["read"] if counts["read"] else 0.0,
        "unknown_share": measured["unknown"]["tokens"] / max(measured["tokens"], 1),
        "repeated_share": (
            None if repeated is None else (repeated + (measured["repeated"] or 0)) / n
        ),
        "label_shares": {str(label): count / n for label, count in labels},
    }
