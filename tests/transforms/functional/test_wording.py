from __future__ import annotations

import re

from tests.paths import ROOT
from transforms.functional.wording import counted, cut_reviews, first_of

_THINGS = "files|reviews|shards|records|rows|texts|parts|inputs|generations|expectations|steps"
# What follows a number in an f-string. `3 of {n} records` and `{n} splits` of the tests may stand.
_UNCOUNTED = re.compile(rf"(?<!of )(?<!of ~)\{{([^{{}}]+)\}} (?:\w+ )?(?:{_THINGS})\b")


def uncounted(line: str) -> list[str]:
    """Return the numbers of things in a line of code that may come out as `1 files`."""
    if line.lstrip().startswith('"""') or "> 1 else" in line:
        return []
    numbers = (found for found in _UNCOUNTED.findall(line) if "counted(" not in found)
    return [number for number in numbers if number.endswith(":,") or "len(" in number]


def test_numbers_agree_with_their_words() -> None:
    assert counted(1, "file") == "1 file"
    assert counted(0, "file") == "0 files"
    assert counted(1234, "input file") == "1,234 input files"
    assert first_of(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert cut_reviews("classification") == "truncated"
    assert cut_reviews("mlm") == "cut at the end of a part"


def test_every_message_counts_with_words_that_agree() -> None:
    assert uncounted('f"{len(paths)} files"') == ["len(paths)"]
    assert uncounted('f"{n:,} new rows, 2 of {m:,} records"') == ["n:,"]
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in ("beam_pipeline", "transforms", "training")
        for path in (ROOT / package).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if uncounted(line)
    }
    assert found == set()
