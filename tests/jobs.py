"""Run jobs as a user does: in this process, or in one of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from beam_pipeline.__main__ import main
from tests.paths import ROOT

SAMPLE = ROOT / "tests" / "sample"
REVIEWS = SAMPLE / "reviews.jsonl"
TOKENIZER = SAMPLE / "tokenizer"
IN_MEMORY = ("--direct_running_mode", "in_memory")
# The sample becomes many small parts.
SMALL_PARTS = ("--task", "mlm", "--max_length", "32", "--part_bytes", "10000")
# They hold times, and the path of the output.
NOT_COMPARED = ("report.json", "report.html", "config.yaml", "-summary.json")
# What workers counted of the reviews whose shards they made.
COUNTED = ("-figures.json", "-texts.parquet")


def arguments(
    output: str | Path,
    *options: object,
    reviews: str | Path = REVIEWS,
    tokenizer: str | Path = TOKENIZER,
) -> list[str]:
    """Return the arguments of a job; `options` may repeat an option, and the last one counts."""
    needed = ("--input", reviews, "--output", output, "--tokenizer", tokenizer)
    return [str(argument) for argument in (*needed, *options)]


def run(
    output: str | Path,
    *options: object,
    reviews: str | Path = REVIEWS,
    tokenizer: str | Path = TOKENIZER,
) -> int:
    """Run a job in this process, and return its exit code."""
    in_memory = () if "--direct_running_mode" in options else IN_MEMORY
    return main(arguments(output, *options, *in_memory, reviews=reviews, tokenizer=tokenizer))


def start(
    output: str | Path, *options: object, reviews: str | Path = REVIEWS
) -> subprocess.Popen[bytes]:
    """Start a job in a process of its own, the leader of its own group."""
    return subprocess.Popen(
        [sys.executable, "-m", "beam_pipeline", *arguments(output, *options, reviews=reviews)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def files_of(output: Path) -> dict[str, bytes]:
    """Return every file of a dataset but those of `NOT_COMPARED`, and what workers counted.

    They count the reviews whose shards they make: none where an earlier run has made them.
    """
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and not path.name.endswith((*NOT_COMPARED, *COUNTED))
    }
