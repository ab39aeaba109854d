"""Which generations are kept, and which were removed on purpose."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from transforms import storage
from transforms.functional.errors import InputError
from transforms.storage.generations import MANIFESTS

_REMOVED = f"{MANIFESTS}/removed.json"


def outdated(
    made: Mapping[int, datetime | None],
    now: datetime,
    *,
    keep: int | None = None,
    keep_days: int | None = None,
) -> set[int]:
    """Return the generations that neither of two rules keeps; the newest one is always kept.

    Args:
        made: When each generation was made, by its number; None where nobody knows.
        keep: How many of the newest are kept; None for no such rule.
        keep_days: From how many of the last days they are kept, and those of unknown age; None for
            no such rule. Without a rule all are kept.
    """
    if keep is None and keep_days is None:
        return set()
    numbers = sorted(made)
    kept = set(numbers[-max(1, keep or 0) :])
    if keep_days is not None:
        first = now - timedelta(days=keep_days)
        kept.update(n for n, when in made.items() if when is None or when >= first)
    return set(numbers) - kept


def removed_generations(output: str) -> set[int]:
    """Return the numbers of the generations whose manifests were removed on purpose.

    Raises:
        InputError: the file that lists them is damaged.
    """
    try:
        numbers = json.loads(storage.read_bytes(storage.join(output, _REMOVED)))["generations"]
        return set(map(int, numbers))
    except FileNotFoundError:
        return set()
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{storage.join(output, _REMOVED)} is damaged: remove it") from None


def note_removed(output: str, numbers: Collection[int]) -> None:
    """Write down that some generations are removed on purpose, so that nobody misses them."""
    known = sorted(removed_generations(output).union(numbers))
    text = json.dumps({"generations": known}) + "\n"
    storage.write_atomic(storage.join(output, _REMOVED), text.encode())
