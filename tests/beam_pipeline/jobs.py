"""Jobs that make many small parts of the project's own sample."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests import jobs
from tests.jobs import NOT_COMPARED, REVIEWS, SAMPLE, SMALL_PARTS, TOKENIZER, files_of

__all__ = [
    "NOT_COMPARED",
    "REVIEWS",
    "SAMPLE",
    "TOKENIZER",
    "arguments",
    "files_of",
    "run",
    "start",
]


def arguments(output: Path, *more: str, reviews: Path = REVIEWS) -> list[str]:
    """Return the arguments of such a job; `more` may add or repeat some."""
    return jobs.arguments(output, *SMALL_PARTS, *more, reviews=reviews)


def run(output: Path, *more: str, reviews: Path = REVIEWS) -> int:
    """Run one in this process, and return its exit code."""
    return jobs.run(output, *SMALL_PARTS, *more, reviews=reviews)


def start(output: Path, *more: str, reviews: Path = REVIEWS) -> subprocess.Popen[bytes]:
    """Start one in a process of its own, the leader of its own group."""
    return jobs.start(output, *SMALL_PARTS, *more, reviews=reviews)
