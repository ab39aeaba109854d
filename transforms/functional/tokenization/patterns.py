r"""Up to which length a text surely makes no pattern of a tokenizer give up.

The library's regular expressions give up when they went back ten million times from one place of a
text. How often they may depends on what can fail behind something that is repeated: nothing in
`[^\s]+`, one thing for each character in `\s+(?!\S)`, and in repeated groups there is no bound.
"""

from __future__ import annotations

import functools
import math
import re

_MOST_STEPS = 10_000_000
# Forward and back, for each character and alternative; twice as much as that to be sure.
_STEPS_EACH = 4

# A class, an escape, or any other single character.
_ONE = r"(?:\[(?:\\.|[^\[\]\\&])+\]|\\[pP]\{\^?\w+\}|\\[^\dbBAzZGkgKXR]|[^\\()\[\]{}|?*+^$])"
_FEW = r"(?:\?[?+]?|\{\d(?:,\d)?\}(?![?+*]))"
_MANY = r"(?:[*+][?+]?|\{\d+,\}(?![?+*]))"
# A group holds nothing that is repeated without a bound, and no other group.
_GROUP = rf"\((?:\?[a-z]*:|\?[=!])?(?:{_ONE}{_FEW}?|\|)*\)"
_ITEM = re.compile(
    rf"(?:{_ONE}(?P<many>{_MANY})|(?P<what>{_GROUP}|{_ONE})(?P<few>{_FEW})?(?!{_MANY})|(?P<end>\||$))",
    re.DOTALL,
)


@functools.cache
def safe_length(pattern: str) -> int:
    """Return how many characters of any text a pattern surely gets through; 0 where nobody knows.

    Args:
        pattern: A regular expression as Oniguruma reads it.
    """
    ways, place = 0, 0
    items: list[re.Match[str]] = []
    while place <= len(pattern):
        item = _ITEM.match(pattern, place)
        if item is None:
            return 0
        if item["end"] is None:
            items.append(item)
        else:
            if sum(_goes_back(items[index:]) for index in range(len(items))) > 1:
                return 0
            ways += math.prod(map(_ways_of, items))
            items = []
        place = item.end() + (item["end"] == "")
    return _MOST_STEPS // (_STEPS_EACH * ways)


def _goes_back(items: list[re.Match[str]]) -> bool:
    """Return True where the first item is repeated, and one behind it may fail."""
    return items[0]["many"] is not None and not all(map(_is_optional, items[1:]))


def _is_optional(item: re.Match[str]) -> bool:
    return (item["many"] or item["few"] or "").startswith(("*", "?", "{0"))


def _ways_of(item: re.Match[str]) -> int:
    """Return in how many ways something that is not repeated without a bound may match."""
    if item["what"] is None:
        return 1
    most = [int(digit) + 1 for digit in re.findall(r"(\d)\}", item[0])]
    ways: int = math.prod(most) * 2 ** item[0].count("?") * (item[0].count("|") + 1)
    return ways
