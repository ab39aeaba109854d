"""Why records were rejected, in kinds: a few, however many different reasons there are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

MAX_REASONS = 20
OTHER_REASONS = "other reasons"

_MAX_LENGTH = 120
# What differs between two records that were rejected for the same reason.
_VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|(?<![\w-])\d(?:[\d,.]*\d|x[\da-f]+)?")


def count_reasons(reasons: Iterable[str]) -> dict[str, int]:
    """Return how many records were rejected for each kind of reason, at most `MAX_REASONS`.

    Values in quotes and numbers are left out of a reason: `label 'x'` and `label 'y'` are one.
    """
    kinds = Counter(
        _VARIABLE.sub("\N{HORIZONTAL ELLIPSIS}", reason)[:_MAX_LENGTH] for reason in reasons
    )
    return merge_reasons([kinds])


def merge_reasons(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums, the most frequent first; those beyond `MAX_REASONS` are one."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    others = total.pop(OTHER_REASONS, 0)
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    others += sum(n for _, n in ordered[MAX_REASONS:])
    return {**dict(ordered[:MAX_REASONS]), **({OTHER_REASONS: others} if others else {})}
