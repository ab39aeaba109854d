from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from beam_pipeline.clean import outdated
from beam_pipeline.output.output_folder import note_removed, removed_generations
from transforms.functional.errors import InputError

NOW = datetime(2026, 3, 31, tzinfo=timezone.utc)
MADE = {n: NOW - timedelta(days=10 - n) for n in range(1, 11)}


@pytest.mark.parametrize(
    ("keep", "keep_days", "gone"),
    [
        (None, None, set()),
        (3, None, {1, 2, 3, 4, 5, 6, 7}),
        (30, None, set()),
        (None, 2, {1, 2, 3, 4, 5, 6, 7}),
        (1, 4, {1, 2, 3, 4, 5}),
        (4, 1, {1, 2, 3, 4, 5, 6}),
    ],
)
def test_what_neither_rule_keeps_goes(
    keep: int | None, keep_days: int | None, gone: set[int]
) -> None:
    assert outdated(MADE, NOW, keep=keep, keep_days=keep_days) == gone


def test_the_newest_and_what_has_no_known_age_stay() -> None:
    old = dict.fromkeys((1, 2, 4), NOW - timedelta(days=99))
    assert outdated({**old, 3: None}, NOW, keep_days=1) == {1, 2}


def test_what_was_removed_is_remembered(tmp_path: Path) -> None:
    assert removed_generations(str(tmp_path)) == set()
    note_removed(str(tmp_path), {2})
    note_removed(str(tmp_path), {1})
    assert removed_generations(str(tmp_path)) == {1, 2}
    (tmp_path / "manifests/removed.json").write_text("[]")
    with pytest.raises(InputError, match=r"removed\.json is damaged"):
        removed_generations(str(tmp_path))
