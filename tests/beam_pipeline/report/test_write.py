"""The two files of a report, after a whole job."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from beam_pipeline.report.__main__ import main
from beam_pipeline.report.document import MAX_BARS, read_document, spread
from beam_pipeline.report.page import page_template
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
        if name.split(".")[0] == "jinja2":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    page_template.cache_clear()
    assert write_report(str(output)) == f"{output}/report.json ({HOW_TO_DRAW})"
    assert not (output / "report.html").exists()


def test_a_report_that_is_lost_damaged_or_of_another_dataset_is_made_again(output: Path) -> None:
    path = output / "report.json"
    document = json.loads(path.read_text())
    other = {**document, "dataset": {**document["dataset"], "generation": 7}}
    for text in (None, "{", json.dumps(other)):
        path.unlink() if text is None else path.write_text(text)
        assert main([str(output)]) == 0
        assert json.loads(path.read_text()) == document
    path.write_text(json.dumps(document))


def test_without_what_the_workers_counted_there_is_a_report_of_the_manifest(output: Path) -> None:
    counted, path = output / "manifests/000001-figures.json", output / "report.json"
    text, report = counted.read_bytes(), path.read_bytes()
    counted.unlink()
    path.unlink()
    assert main([str(output)]) == 0
    document = json.loads(path.read_text())
    assert (document["measured"], document["rejected"]) == (None, {})
    counted.write_bytes(text)
    path.write_bytes(report)


def test_no_dataset_and_damaged_figures_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    assert main([str(tmp_path)]) == 1
    assert "has no manifest.json" in capsys.readouterr().err
    with pytest.raises(InputError, match="is missing, from which"):
        read_document(str(path))
    for text in ("{", "[]", '{"seconds": 1}'):
        path.write_text(text)
        with pytest.raises(InputError, match="is damaged: it holds no report"):
            read_document(str(path))


def test_many_shards_are_shown_by_a_few() -> None:
    assert spread([5, 1, 3]) == [1, 3, 5]
    assert spread([]) == []
    many = spread(range(1000))
    assert (len(many), many[0], many[-1]) == (MAX_BARS, 0, 999)
