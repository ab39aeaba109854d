"""A worker that is killed fails the job in one line; a rerun ends with the same content."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.beam_pipeline.jobs import arguments, run
from tests.engines.long_jobs import LONG, has_shards
from tests.engines.services import ROOT, WORKER, children, portable_services
from tests.oracle import Dataset
from tests.waiting import wait_for

TWO = ("--direct_num_workers", "2")
FAILS_S = 300


def fail(output: Path, reviews: Path, options: tuple[str, ...], kill: Callable[[int], None]) -> str:
    """Start a job, call `kill` with its process id, and return the error that it ends with."""
    command = [sys.executable, "-m", "beam_pipeline"]
    job = subprocess.Popen(
        [*command, *arguments(output, *LONG, *options, reviews=reviews)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        kill(job.pid)
        _, printed = job.communicate(timeout=FAILS_S)
    finally:
        job.kill()
    assert job.returncode == 1
    assert not (output / "manifest.json").exists()
    return printed.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["at its start", "at work"])
def test_a_local_worker(reviews: Path, undisturbed: str, tmp_path: Path, when: str) -> None:
    def kill(job: int) -> None:
        wait_for("worker", lambda: children(job, WORKER))
        if when == "at work":
            wait_for("shard", lambda: has_shards(tmp_path))
        os.kill(children(job, WORKER)[-1], signal.SIGKILL)

    error = fail(tmp_path, reviews, TWO, kill)

    assert error.startswith("error: a worker process ended in the middle of its work")
    assert run(tmp_path, *LONG, reviews=reviews) == 0
    assert Dataset(tmp_path).manifest.content_sha256() == undisturbed


@pytest.mark.slow
def test_a_worker_of_a_pool(reviews: Path, undisturbed: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with portable_services(tmp_path) as portable:

        def kill(_: int) -> None:
            wait_for("shard", lambda: has_shards(output))
            (worker,) = children(portable.pool, "SdkHarness")
            os.kill(worker, signal.SIGKILL)

        error = fail(output, reviews, portable.options, kill)
        assert error.startswith("error: a worker process ended in the middle of its work")
        assert run(output, *LONG, *portable.options, reviews=reviews) == 0

    assert Dataset(output).manifest.content_sha256() == undisturbed
