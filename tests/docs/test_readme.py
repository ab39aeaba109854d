"""README, followed line by line on the project's sample."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.json
import pyarrow.parquet
import pytest

from beam_pipeline.__main__ import main
from tests.docs.documents import blocks_of
from tests.installed import hide_other_packages, other_modules
from tests.jobs import IN_MEMORY, REVIEWS, TOKENIZER
from tests.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = blocks_of(README)
# What a reader has and a test does not: a hub, and a bucket.
STAND_INS = {"distilbert-base-uncased": "model", "s3://bucket": "bucket"}
# The programs that README calls, in the environment of the tests.
PROGRAMS = {
    "review-shards": "-c 'from beam_pipeline.commands import main; main()'",
    "torchrun": "-m torch.distributed.run",
}


def commands() -> list[str]:
    """Return README's commands in their order, without the installation."""
    found = [content for language, content in BLOCKS if language == "sh"]
    assert ".[report,train]" in found[0]
    return found[1:]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return the folder in which README was followed, and what each block printed."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "tests").symlink_to(ROOT / "tests")
    for place in ("reviews", "bucket/reviews", "programs", "installed"):
        (folder / place).mkdir(parents=True)
    # What the tests need besides must not be needed by who follows README.
    hide_other_packages(folder / "installed", ("report", "train"))
    good = b"\n".join(line for line in REVIEWS.read_bytes().split(b"\n") if _is_text(line))
    table = pyarrow.json.read_json(pyarrow.py_buffer(good))
    pyarrow.parquet.write_table(table, folder / "reviews" / "a.parquet")
    (folder / "bucket" / "reviews" / "a.jsonl").write_bytes(REVIEWS.read_bytes())
    (folder / "bucket" / "tokenizer").symlink_to(TOKENIZER)
    for name, call in PROGRAMS.items():
        program = folder / "programs" / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {call} "$@"\n')
        program.chmod(0o755)
    return folder, [_follow(block, folder) for block in commands()]


def _is_text(line: bytes) -> bool:
    return bool(line) and line.decode("utf-8", "replace").encode() == line


def _follow(block: str, folder: Path) -> str:
    for there, here in STAND_INS.items():
        block = block.replace(there, here)
    path = f"{folder / 'programs'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", block],
        cwd=folder,
        env={
            **os.environ,
            "PATH": path,
            "PYTHONPATH": f"{folder / 'installed'}:{ROOT}",
            "HF_HUB_OFFLINE": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{block}\n{done.stderr[-3000:]}"
    return done.stdout


def without_times(summary: str) -> list[str]:
    """Return the lines of a summary without its seconds, and without what is printed before it."""
    found = summary[summary.index("Done: ") :]
    return re.sub(r"\(\d+\.\d s,", "(TIME,", found).strip().splitlines()


@pytest.mark.slow
def test_every_command_of_readme_works_and_prints_what_it_shows(
    followed: tuple[Path, list[str]],
) -> None:
    folder, printed = followed
    shown = [content for language, content in BLOCKS if language == "text"]
    assert without_times(printed[0])[:7] == without_times(shown[0])
    assert printed[1].splitlines()[0] == shown[1].strip()
    for made in ("shards", "my_shards", "bucket/shards"):
        assert (folder / made / "manifest.json").exists()
    for made in ("model", "my_model"):
        assert (folder / made / "model.safetensors").exists()
    assert "This is a great [MASK]." in printed[2]


@pytest.mark.slow
def test_every_python_example_of_readme_reads_those_rows(
    followed: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = followed
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(folder / "cache"))
    names: dict[str, Any] = {}
    examples = [code for language, code in BLOCKS if language == "python"]
    assert len(examples) == 3
    for code in examples:
        exec(code, names)

    n_rows = names["manifest"]["splits"]["train"]["rows"]
    assert names["rows"].num_rows == n_rows > 20
    assert names["frame"].shape[0] == 3
    assert names["table"].num_rows == names["named"].num_rows == n_rows
    assert names["reviews"] == [(0, n_rows)]
    assert {"input_ids", "attention_mask", "word_starts"} <= set(names["frame"].columns)
    assert names["batch"]["input_ids"].shape == (32, 128)


def test_who_installs_what_readme_says_has_none_of_these() -> None:
    hidden = other_modules(("report", "train"))
    assert {"datasets", "pandas", "polars", "pytest"} <= set(hidden)
    assert not {"beam_pipeline", "google", "jinja2", "numpy", "torch", "training"} & set(hidden)


def test_make_run_makes_what_the_makefile_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("$(OUTPUT)", "output/sample")
    joined = re.sub(r"\\\n\s*", "", makefile)
    command = joined.split("$(JOB)/bin/python -m beam_pipeline ")[1].splitlines()[0]

    assert main([*shlex.split(command), *IN_MEMORY]) == 0
    assert (tmp_path / "output" / "sample" / "manifest.json").exists()


def test_the_extras_that_readme_names_are_those_of_setup() -> None:
    setup = (ROOT / "setup.py").read_text("utf-8")
    named = re.search(r"extras are (.*?);", README, re.DOTALL)
    assert named is not None
    for extra in re.findall(r"`(\w+)`", named[1]):
        assert f'    "{extra}": [' in setup
