"""Nights that break a contract, fail and are rolled back: what is told of them, and kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from beam_pipeline.clean import main as clean
from beam_pipeline.generations import main as generations
from beam_pipeline.verify import main as verify
from tests.beam_pipeline.jobs import REVIEWS, files_of, run
from transforms.storage.generations import read_manifest

LINES = REVIEWS.read_bytes().splitlines(keepends=True)
STRANGE = b'{"text": "So so.", "label": "neutral"}\n{"text": " ", "label": "neg"}\n'
EXPECTED = "labels: [neg, pos]\ncolumns: [text, label]\nmin_reviews: 5\nmax_length_change: 9\n"


def night(folder: Path, number: int, *more: str, extra: bytes = b"") -> int:
    """Append nine reviews and `extra`, with the contract in the folder."""
    (folder / "in").mkdir(exist_ok=True)
    lines = b"".join(LINES[number * 9 : number * 9 + 9])
    (folder / f"in/{number}.jsonl").write_bytes(lines + extra)
    (folder / "expect.yaml").write_text(EXPECTED)
    contract = ("--expect", str(folder / "expect.yaml"))
    options = ("--task", "classification", "--append", *contract, "--quiet", *more)
    return run(folder / "out", *options, reviews=folder / "in")


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose `out` has three generations, and what was told of a fourth night."""
    folder = tmp_path_factory.mktemp("nights")
    for number in range(3):
        assert night(folder, number) == 0
    summary = ("--summary", str(folder / "summary.json"))
    metrics = ("--metrics_file", str(folder / "metrics.prom"))
    before = files_of(folder / "out")
    assert night(folder, 3, *summary, *metrics, extra=STRANGE) == 4
    after = files_of(folder / "out")
    assert {name: after[name] for name in before} == before
    assert clean([str(folder / "out")]) == 0
    return folder


@pytest.fixture
def output(nights: Path, tmp_path: Path) -> Path:
    shutil.copytree(nights / "out", tmp_path / "out")
    return tmp_path / "out"


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_a_broken_contract_makes_no_generation_and_names_each_expectation(nights: Path) -> None:
    assert read_manifest(str(nights / "out")).generation == 3
    assert load(nights / "summary.json")["run"]["broken_expectations"] == [
        "labels: 'neutral' came 1 time, expected are neg, pos",
        "max_empty_share: 1 empty text, 9.09% of the reviews; the limit is 0.00%",
    ]


def test_a_failed_run_is_told_of_apart_from_the_dataset(nights: Path) -> None:
    summary = load(nights / "summary.json")
    assert summary["exit_code"] == 4
    assert "'neutral' came 1 time" in summary["exit_reason"]
    assert not summary["run"]["made_generation"]
    assert (summary["generation"], summary["dataset"]["inputs"]) == (3, 3)
    assert 'run_exit_code{output="' in (nights / "metrics.prom").read_text()
    assert (nights / "metrics.prom").read_text().endswith("# EOF\n")


def test_each_generation_keeps_the_summary_of_its_run(nights: Path) -> None:
    for number in (1, 2, 3):
        summary = load(nights / f"out/manifests/{number:06d}-summary.json")
        assert (summary["generation"], summary["run"]["inputs"]) == (number, 1)
        assert summary["dataset"]["inputs"] == number
        assert summary["run"]["seconds_by_stage"]["tokenize"] > 0
        assert "--append" in summary["command"]


def test_a_contract_that_warns_lets_the_run_pass(
    output: Path, nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = output.parent / "warn.yaml"
    contract.write_text(f"{EXPECTED}when_broken: warn\n")
    options = ("--task", "classification", "--append", "--expect", str(contract))
    reviews = nights / "in"
    assert run(output, *options, reviews=reviews) == 0
    assert "WARNING     unlike --expect: labels: 'neutral'" in capsys.readouterr().out
    assert read_manifest(str(output)).generation == 4


def test_a_summary_for_machines_is_all_that_is_printed(
    output: Path, nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--task", "classification", "--append", "--ignore_vanished", "--summary", "json")
    assert run(output, *options, reviews=nights / "in/0.jsonl") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["exit_code"], summary["exit_reason"]) == (0, "nothing new")
    assert run(output, *options, reviews=nights / "nothing") != 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["exit_code"] == 2
    assert "nothing" in summary["exit_reason"]
    assert summary["generation"] == 3


def test_generations_are_listed_with_when_what_and_how_many(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    year = load(output / "manifests/000002-summary.json")["ended"][:10]
    capsys.readouterr()
    assert generations([str(output)]) == 0
    head, first, second, third, _ = capsys.readouterr().out.splitlines()
    assert head == f"{output}: 3 generations"
    assert first.split()[:2] == ["1", year]
    assert second.endswith("/in/1.jsonl")
    assert "9 reviews of 1 file" in second
    assert third.startswith("*      3")
    (output / "manifests/000002-summary.json").unlink()
    assert generations([str(output)]) == 0
    second = capsys.readouterr().out.splitlines()[2]
    assert "at an unknown time" in second
    assert "9 reviews of 1 file" in second


def test_rolling_back_makes_a_new_generation_of_old_rows_and_keeps_the_others(
    output: Path, nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(output)
    assert generations([str(output), "--roll_back", "2"]) == 0
    assert "rolled back to generation 2" in capsys.readouterr().out
    manifest, old = read_manifest(str(output)), read_manifest(str(output), "manifests/000002.json")
    assert manifest.content_sha256() == old.content_sha256()
    assert [generation.number for generation in manifest.generations] == [1, 2, 4]
    after = files_of(output)
    changed = {"manifest.json", "README.md"}
    assert {name: after[name] for name in before.keys() - changed} == {
        name: before[name] for name in before.keys() - changed
    }
    assert "train/000003" not in (output / "README.md").read_text()
    assert verify([str(output)]) == 0
    assert clean([str(output)]) == 0
    assert "0 files removed" in capsys.readouterr().out

    options = ("--task", "classification", "--append", "--quiet")
    assert run(output, *options, reviews=nights / "in/2.jsonl") == 0
    assert read_manifest(str(output)).generation == 5
    assert verify([str(output)]) == 0
    assert generations([str(output), "--roll_back", "3"]) == 0
    assert read_manifest(str(output)).generation == 6
    assert verify([str(output)]) == 0


def test_rolling_back_to_what_is_not_there_is_refused(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(output)
    assert generations([str(output), "--roll_back", "9"]) == 2
    assert "has no generation 9, it has: 1, 2, 3" in capsys.readouterr().err
    assert generations([str(output), "--roll_back", "3"]) == 2
    assert "there is nothing to roll back" in capsys.readouterr().err
    assert files_of(output) == before
    next((output / "train/000002").iterdir()).unlink()
    assert generations([str(output), "--roll_back", "2"]) == 1
    assert "cannot be rolled back to: train/000002/" in capsys.readouterr().err


def test_clean_keeps_generations_by_number_and_all_that_they_name(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = read_manifest(str(output)).shard_paths()
    assert clean([str(output), "--keep", "2", "--dry_run"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"{len(said) - 1} files would be removed"
    assert (output / "manifests/000001.json").is_file()
    assert clean([str(output), "--keep", "2"]) == 0
    left = {path.name for path in (output / "manifests").iterdir()}
    assert {"000002.json", "000003.json", "removed.json"} <= left
    assert not any(name.startswith("000001") for name in left)
    assert all((output / path).is_file() for path in shards)
    assert verify([str(output)]) == 0
    (output / "manifests/000002.json").unlink()
    assert verify([str(output)]) == 1
    assert clean([str(output), "--keep", "0"]) == 2


def test_clean_by_days_keeps_what_is_young_or_of_unknown_age(output: Path) -> None:
    for number, ended in ((1, "2020-01-01T00:00:00Z"), (2, "some time")):
        path = output / f"manifests/{number:06d}-summary.json"
        path.write_text(json.dumps({**load(path), "ended": ended}))
    assert generations([str(output), "--roll_back", "1"]) == 0
    assert clean([str(output), "--keep_days", "30"]) == 0
    left = {path.name for path in (output / "manifests").glob("[0r]*[0-9d].json")}
    assert left == {"000002.json", "000003.json", "000004.json", "removed.json"}
    assert verify([str(output)]) == 0


def test_a_generation_that_was_rolled_back_can_be_removed(output: Path) -> None:
    assert generations([str(output), "--roll_back", "1"]) == 0
    assert list((output / "train/000003").iterdir())
    assert clean([str(output), "--keep", "1"]) == 0
    assert not (output / "train/000003").exists()
    assert not (output / "train/000002").exists()
    assert verify([str(output)]) == 0
