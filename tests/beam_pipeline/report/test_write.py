"""The two files of a report, after a whole job."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from beam_pipeline.report.__main__ import main
from beam_pipeline.report.document import MAX_BARS, read_document, spread
from beam_pipeline.report.write import HOW_TO_DRAW, write_report
from tests.beam_pipeline.jobs import run
from transforms.functional.errors import InputError

pytestmark = pytest.mark.draws_report


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("report") / "out"
    assert run(output) == 0
    return output


def test_a_job_leaves_its_figures(output: Path) -> None:
    document = json.loads((output / "report.json").read_text())
    manifest = json.loads((output / "manifest.json").read_text())
    ledger = manifest["ledger"]
    assert document["ledger"] == ledger
    measured = document["measured"]
    assert measured["reviews"] == ledger["reviews"]["written"] + ledger["reviews"]["dropped"]
    assert measured["tokens"] == ledger["tokens"]["tokenized"]
    assert sum(document["rejected"].values()) == ledger["reviews"]["rejected"] == 1
    assert set(document["run"]["stage_seconds"]) == {"read", "tokenize", "rows", "write"}
    assert document["run"]["tokens_per_second"] > 0
    assert document["subsets"]["train"]["rows"] == manifest["splits"]["train"]["rows"]


def test_the_page_is_drawn_again_from_the_figures(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (output / "report.html").read_text()
    document = (output / "report.json").read_text()
    (output / "report.html").unlink()
    assert main([str(output)]) == 0
    assert capsys.readouterr().out.strip() == f"{output}/report.html"
    assert (output / "report.html").read_text() == page
    assert (output / "report.json").read_text() == document


def test_without_the_extra_the_figures_alone_are_written(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (output / "report.html").unlink(missing_ok=True)
    load = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert write_report(str(output)) == f"{output}/report.json ({HOW_TO_DRAW})"
    assert not (output / "report.html").exists()


def test_no_report_and_a_damaged_one_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    assert main([str(tmp_path)]) == 1
    assert "is missing, from which report.html is drawn" in capsys.readouterr().err
    for text in ("{", "[]", '{"seconds": 1}'):
        path.write_text(text)
        with pytest.raises(InputError, match="is damaged: it holds no report"):
            read_document(str(path))


def test_many_shards_are_shown_by_a_few() -> None:
    assert spread([5, 1, 3]) == [1, 3, 5]
    assert spread([]) == []
    many = spread(range(1000))
    assert (len(many), many[0], many[-1]) == (MAX_BARS, 0, 999)
