"""Run jobs as a user does, on the project's own sample."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from beam_pipeline.__main__ import main
from tests.paths import ROOT

SAMPLE = ROOT / "tests" / "sample"
TOKENIZER = SAMPLE / "tokenizer"
REVIEWS = SAMPLE / "reviews.jsonl"
# They hold times, and the path of the output.
NOT_COMPARED = ("report.json", "report.html", "config.yaml")


def arguments(output: Path, *more: str, reviews: Path = REVIEWS) -> list[str]:
    """Return the arguments of a job with many small parts; `more` may add or repeat some."""
    needed = ["--input", str(reviews), "--output", str(output), "--tokenizer", str(TOKENIZER)]
    return [*needed, "--task", "mlm", "--max_length", "32", "--part_bytes", "10000", *more]


def run(output: Path, *more: str, reviews: Path = REVIEWS) -> int:
    """Run a job in this process and return its exit code."""
    local = ["--direct_running_mode", "in_memory"]
    return main([*arguments(output, *more, reviews=reviews), *local])


def start(output: Path, *more: str, reviews: Path = REVIEWS) -> subprocess.Popen[bytes]:
    """Start a job in a process of its own, the leader of its own group."""
    return subprocess.Popen(
        [sys.executable, "-m", "beam_pipeline", *arguments(output, *more, reviews=reviews)],
        cwd=SAMPLE.parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def files_of(output: Path) -> dict[str, bytes]:
    """Return every file of a dataset but those of `NOT_COMPARED`."""
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name not in NOT_COMPARED
    }
