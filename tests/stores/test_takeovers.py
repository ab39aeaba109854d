"""A run that stops for a while, and is taken for dead, changes nothing once it goes on."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from beam_pipeline import verify
from tests.jobs import IN_MEMORY, REVIEWS, SMALL_PARTS, arguments, run
from tests.paths import ROOT
from tests.stores.servers import Store
from transforms import storage
from transforms.storage.generations import read_manifest
from transforms.storage.lease import lease

LINES = REVIEWS.read_bytes().splitlines(keepends=True)

# A job that stops itself, as a machine does that falls asleep: behind its first shard, or between
# its commit and what follows.
STOPS = {
    "first shard": "transforms.writing.create_in_run",
    "commit": "beam_pipeline.job.run_pipeline",
}
_JOB = """
import importlib, os, signal, sys
from beam_pipeline.__main__ import main
module, _, name = sys.argv[1].rpartition(".")
module = importlib.import_module(module)
call = getattr(module, name)
def stop(*arguments):
    result = call(*arguments)
    setattr(module, name, call)
    os.kill(os.getpid(), signal.SIGSTOP)
    return result
setattr(module, name, stop)
sys.exit(main(sys.argv[2:]))
"""


def stopped_job(stop: str, *options: str, output: str, reviews: Path) -> subprocess.Popen[str]:
    """Start a job, and return once it has stopped."""
    given = arguments(output, *SMALL_PARTS, *options, *IN_MEMORY, reviews=reviews)
    job = subprocess.Popen(
        [sys.executable, "-c", _JOB, STOPS[stop], *given],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, status = os.waitpid(job.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "the job ended before it was stopped"
    return job


def state_of(output: str) -> dict[str, str]:
    """Return the hash of every file of an output."""
    return {
        name: hashlib.sha256(storage.read_bytes(storage.join(output, name))).hexdigest()
        for name in storage.list_files(output)
    }


def check_that_a_stopped_run_changes_nothing(
    output: str, reviews: Path, stop: str, *options: str
) -> None:
    """Let run A stop, run B take over and commit other reviews, and A go on."""
    reviews.mkdir()
    night: Callable[[int], Path] = lambda number: reviews / f"{number}.jsonl"  # noqa: E731
    night(0).write_bytes(b"".join(LINES[:9]))
    assert run(output, *SMALL_PARTS, "--append", reviews=reviews) == 0
    night(1).write_bytes(b"".join(LINES[9:60]))
    stopped = stopped_job(stop, *options, output=output, reviews=reviews)
    try:
        # Other reviews under the same name: their shards have the same names as well.
        night(1).write_bytes(b"".join(LINES[150:210]))
        assert run(output, *SMALL_PARTS, *options, reviews=reviews) == 0
        before = state_of(output)
        content = read_manifest(output).content_sha256()

        os.kill(stopped.pid, signal.SIGCONT)
        _, error = stopped.communicate(timeout=120)
    finally:
        stopped.kill()
    assert stopped.returncode == 1
    # It notices at its next write, or where it reads the input that is another one now.
    assert "was taken over" in error or "when the job was planned" in error
    assert error.count("error: ") == 1
    assert state_of(output) == before
    assert read_manifest(output).content_sha256() == content
    assert verify.main([output]) == 0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run take a silent lease over after a second."""
    monkeypatch.setattr("beam_pipeline.job.lease", partial(lease, expires_s=1.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop", "options"),
    [
        ("first shard", ("--append", "--ignore_changed")),
        ("first shard", ("--overwrite",)),
        ("first shard", ("--overwrite=in_place",)),
        ("commit", ("--append", "--ignore_changed")),
        ("commit", ("--overwrite",)),
    ],
)
def test_a_run_that_was_stopped_changes_nothing_on_disk(
    tmp_path: Path, stop: str, options: tuple[str, ...]
) -> None:
    check_that_a_stopped_run_changes_nothing(
        str(tmp_path / "out"), tmp_path / "reviews", stop, *options
    )


@pytest.mark.slow
@pytest.mark.parametrize("stop", STOPS)
def test_a_run_that_was_stopped_changes_nothing_in_a_store(
    s3: Store, tmp_path: Path, stop: str
) -> None:
    output = s3.url(f"stopped_{stop.replace(' ', '_')}")
    check_that_a_stopped_run_changes_nothing(
        output, tmp_path / "reviews", stop, "--append", "--ignore_changed"
    )
