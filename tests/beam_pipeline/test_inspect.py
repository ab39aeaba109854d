"""What `inspect` says of a dataset, of a row, and of two datasets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from beam_pipeline.inspect import main
from tests.beam_pipeline.jobs import run
from tests.paths import ROOT
from transforms.functional.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with datasets: `classes` and `masked`."""
    folder = tmp_path_factory.mktemp("inspect")
    reviews = folder / "in.csv"
    reviews.write_text("text,label\nA great film.,pos\nAn awful film!,neg\n")
    options = ("--task", "classification", "--max_length", "16")
    assert run(folder / "classes", *options, reviews=reviews) == 0
    masks = ("--masking", "static", "--mlm_probability", "1", "--remainder", "pad")
    assert run(folder / "masked", *masks, reviews=reviews) == 0
    return folder


def _out(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def test_it_says_what_the_dataset_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = _out(capsys, folder / "classes")
    assert "task        classification, max_length 16" in out
    assert "labels      0 neg, 1 pos" in out
    assert "reviews     2 read = 2 written + 0 rejected + 0 dropped" in out
    assert "options     --part_bytes 10000" in out
    assert len(out.splitlines()) <= 24


def test_it_shows_a_row_as_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = _out(capsys, folder / "classes", "--row", "1")
    assert "in.csv, record 1" in out
    assert "label       0" in out
    assert re.search(r"text +\[CLS\] an aw?.*film ! \[SEP\] \[PAD\] x \d+", out), out
    assert "\x1b" not in out


def test_masked_tokens_show_what_they_were(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = _out(capsys, folder / "masked", "--row", "0")
    assert "(film)" in out
    assert "and the 1 after it" in out


def test_a_terminal_gets_colours_unless_it_wants_none(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[36m[CLS]" in _out(capsys, folder / "classes", "--row", "0")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" not in _out(capsys, folder / "classes", "--row", "0")


def test_a_row_that_is_not_there_names_the_range(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    err = _out(capsys, folder / "classes", "--row", "2", code=2)
    assert "--row must be from 0 to 1 in train, got 2" in err
    err = _out(capsys, folder / "classes", "--row", "0", "--subset", "validation", code=2)
    assert "there are no rows in validation" in err


def test_the_same_dataset_has_no_difference(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = _out(capsys, folder / "classes", "--diff", folder / "classes")
    assert out.splitlines()[-1].startswith("no difference")


def test_what_differs_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = _out(capsys, folder / "classes", "--diff", folder / "masked")
    assert "option      max_length: 16 -> 32" in out
    assert "option      masking: dynamic -> static" in out
    assert "label       neg: 0 -> none" in out
    assert re.search(r"train +rows: 2 -> 1", out)
    assert re.search(r"train +0 shards hold the same rows, 1 -> 1 others", out)


def test_inputs_that_differ_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        text = json.dumps({"text": "A fine film."}) + "\n"
        (tmp_path / name).write_text(text * 9)
        assert run(tmp_path / name[0], reviews=tmp_path / name) == 0
    out = _out(capsys, tmp_path / "a", "--diff", tmp_path / "b")
    assert re.search(r"inputs +only in -: .*/a\.jsonl", out)
    assert re.search(r"inputs +only in \+: .*/b\.jsonl", out)
    assert "1 shard" not in out


def test_a_reader_that_has_seen_enough_ends_it_without_a_word(folder: Path) -> None:
    inspect = subprocess.Popen(
        [sys.executable, "-u", "-m", "beam_pipeline.inspect", str(folder / "classes")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert inspect.stdout is not None
    assert inspect.stderr is not None
    inspect.stdout.close()
    assert inspect.stderr.read() == b""
    assert inspect.wait() == 0
    inspect.stderr.close()


def test_a_damaged_manifest_is_named_with_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text('{"format_version": 1')
    err = _out(capsys, tmp_path, code=InputError.exit_code)
    assert err.startswith(f"error: {tmp_path}: manifest.json is damaged")
    assert err.count("\n") == 1


def test_generations_are_named_by_number_or_manifest(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = tmp_path / "in"
    reviews.mkdir()
    for name, text in (("a", "A fine film."), ("b", "A dull one.")):
        (reviews / f"{name}.txt").write_text(f"{text}\n" * 9)
        assert run(tmp_path / "out", "--append", reviews=reviews) == 0
    first = tmp_path / "out" / "manifests/000001.json"
    assert "inputs      1 file," in _out(capsys, first)
    assert "inputs      2 files," in _out(capsys, tmp_path / "out")
    for arguments in ([first, "--diff", "2"], [tmp_path / "out", "--generation", "1", "--diff", 2]):
        out = _out(capsys, *arguments)
        assert re.search(r"inputs +only in \+: .*/b\.txt", out)
        assert f"- {first}" in out
    err = _out(capsys, first, "--generation", "1", code=2)
    assert "give one of them" in err
