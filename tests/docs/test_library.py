"""docs/library.md, followed block by block on the project's sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.docs.documents import blocks_of
from tests.oracle import sample_reviews, sample_texts
from tests.paths import ROOT

BLOCKS = [
    code
    for language, code in blocks_of((ROOT / "docs" / "library.md").read_text("utf-8"))
    if language == "python"
]


@pytest.mark.slow
def test_every_block_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    printed = []
    for code in BLOCKS:
        exec(code, names)
        printed.append(capsys.readouterr().out.splitlines())
    assert len(BLOCKS) == 7

    labels = [label for _, label in sample_reviews()]
    by_label = [(label, labels.count(label)) for label in (0, 1)]
    job, from_dicts, appended, from_files, rows_back, _, queries = printed
    assert "277 rows" in "".join(job)
    assert len(from_dicts) == 2
    assert set(from_dicts) - {"None"} == {
        str(path.relative_to("some_shards")) for path in Path("some_shards").rglob("*.arrow")
    }
    assert "1 row," in "".join(appended)
    assert names["rows_made"] == 1
    # The texts, and where each of them ends.
    assert int(from_files[0]) >= sum(len(text.encode()) for text in sample_texts())
    assert rows_back[0] == "277"
    assert sorted(rows_back[1:]) == [str(count) for count in by_label]
    assert queries == []
    assert names["table"].column("labels").to_pylist() == labels
    assert names["frame"]["labels"].to_list() == list(names["pandas_frame"]["labels"]) == labels
    assert names["named"]["labels"] == labels
    assert names["batch"]["labels"].tolist() == [labels[row] for row in (3, 1, 4)]
    assert [(label, count) for label, count, _ in names["by_label"]] == by_label
    assert names["longest"].item() == 64
