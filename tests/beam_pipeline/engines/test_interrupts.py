"""Ctrl-C and SIGTERM end a job soon, with its workers, and the next run goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beam_pipeline.engines import interrupts
from beam_pipeline.engines.interrupts import GRACE_SECONDS
from tests.beam_pipeline.jobs import REVIEWS, SAMPLE, arguments, run
from tests.waiting import is_alive, wait_for

# More than the grace: the machine of a test may be busy.
BOUND_SECONDS = 12 * GRACE_SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "engine", [["--direct_running_mode", "in_memory"], ["--direct_num_workers", "2"]]
)
def test_an_interrupted_job_ends_soon_and_says_how_to_go_on(
    tmp_path: Path, sent: signal.Signals, engine: list[str]
) -> None:
    reviews = tmp_path / "reviews.jsonl"
    good = [
        line for line in REVIEWS.read_bytes().splitlines(keepends=True) if line[:7] == b'{"text"'
    ]
    reviews.write_bytes(b"".join(good) * 400)
    output = tmp_path / "out"
    job = subprocess.Popen(
        [sys.executable, "-m", "beam_pipeline", *arguments(output, *engine, reviews=reviews)],
        cwd=SAMPLE.parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        shards = output / "train/000001"
        wait_for("shards", lambda: shards.is_dir() and len(list(shards.iterdir())) > 3, 240)
        job.send_signal(sent)
        _, err = job.communicate(timeout=BOUND_SECONDS)
        assert job.returncode == 130
        assert err.splitlines()[-1] == (
            "interrupted: the same command goes on from here, and keeps the shards that are "
            "finished"
        )
        assert "Traceback" not in err
        wait_for("end of the workers", lambda: not is_alive(job.pid), BOUND_SECONDS)
    finally:
        if is_alive(job.pid):
            os.killpg(job.pid, signal.SIGKILL)
    assert not (output / "manifest.json").exists()


def test_an_interrupt_of_main_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("beam_pipeline.job.run_job", interrupted)
    assert run(tmp_path / "out") == 130
    assert capsys.readouterr().err.startswith("interrupted: the same command goes on")
    assert run(tmp_path / "out", "--overwrite") == 130
    assert "interrupted: the same command goes on" in capsys.readouterr().err


def test_what_was_started_is_stopped_before_the_process_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[object] = []

    def fails() -> None:
        done.append("first")
        raise OSError("gone already")

    monkeypatch.setattr(interrupts, "_before_leaving", [])
    monkeypatch.setattr(os, "_exit", done.append)
    interrupts.before_leaving(lambda: done.append("second"))
    interrupts.before_leaving(fails)
    interrupts.leave(3)

    assert done == ["first", "second", 3]
