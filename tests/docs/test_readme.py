"""README's quick start, run as it stands, on the project's sample."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from beam_pipeline.__main__ import main
from tests.beam_pipeline.jobs import REVIEWS, TOKENIZER
from tests.docs.documents import blocks_of
from tests.paths import ROOT

pytestmark = pytest.mark.draws_report

README = (ROOT / "README.md").read_text("utf-8")
LOCAL = ("--direct_running_mode", "in_memory")


def arguments_of(text: str, python: str) -> list[str]:
    """Return the arguments of the first job that a text starts with some Python."""
    joined = re.sub(r"\\\n\s*", "", text)
    return shlex.split(joined.split(f"{python} -m beam_pipeline ")[1].splitlines()[0])


def without_times(summary: str) -> list[str]:
    """Return the lines of a summary without its seconds, and without what is printed before it."""
    found = summary[summary.index("Done: ") :]
    return re.sub(r"\(\d+\.\d s,", "(TIME,", found).strip().splitlines()


def test_make_run_says_what_the_readme_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tests", "transforms"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("$(OUTPUT)", "output/sample")

    assert main([*arguments_of(makefile, "$(JOB)/bin/python"), *LOCAL]) == 0

    shown = next(block for _, block in blocks_of(README) if block.startswith("Done: "))
    said = capsys.readouterr().out.replace(sys.executable, ".venv/bin/python")
    assert without_times(said) == without_times(shown)


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the dataset of the first command, with the sample for the files that it names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "a.jsonl").write_bytes(REVIEWS.read_bytes())
    arguments = arguments_of(README, ".venv/bin/python")
    place = arguments.index("--input")
    arguments[place + 1] = "reviews/*.jsonl"
    assert main([*arguments, "--tokenizer", str(TOKENIZER), *LOCAL]) == 0
    return tmp_path / "shards"


def test_the_example_reads_the_rows_of_the_first_command(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(shards.parent / "cache"))
    names: dict[str, Any] = {}
    exec(next(code for language, code in blocks_of(README) if language == "python"), names)

    n_rows = names["manifest"]["splits"]["train"]["rows"]
    assert names["rows"].num_rows == n_rows > 20
    assert names["frame"].shape[0] == 3
    assert {"input_ids", "attention_mask", "word_starts"} <= set(names["frame"].columns)
