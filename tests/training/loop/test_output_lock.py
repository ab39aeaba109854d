"""The lock of an output folder, against another process."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from training.loop.output_lock import OutputLock
from transforms.functional.errors import UsageError


@contextmanager
def another_run(folder: Path) -> Iterator[BaseProcess]:
    """Hold the lock in another process, which has a child that outlives it."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()

    def hold() -> None:
        OutputLock(str(folder)).acquire()
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        ready.set()
        time.sleep(60)

    process = context.Process(target=hold)
    process.start()
    assert ready.wait(60)
    try:
        yield process
    finally:
        process.kill()
        process.join()


def test_a_second_run_is_refused_until_the_first_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.loop.output_lock._PATIENCE_S", 0.0)
    with another_run(tmp_path / "model") as first, pytest.raises(UsageError) as refused:
        OutputLock(str(tmp_path / "model")).acquire()
    assert f"another run (process {first.pid} on " in str(refused.value)

    lock = OutputLock(str(tmp_path / "model"))
    lock.acquire()
    lock.release()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"--output_dir .*file/model cannot be written"):
        OutputLock(str(tmp_path / "file" / "model")).acquire()


def test_what_was_made_for_nothing_goes_and_the_rest_stays(tmp_path: Path) -> None:
    lock = OutputLock(str(tmp_path / "runs" / "model"))
    lock.acquire()
    lock.release()
    assert list(tmp_path.iterdir()) == []

    lock.acquire()
    (tmp_path / "runs" / "model" / "config.json").write_text("{}")
    lock.release()
    lock.acquire()
    lock.release()
    assert [path.name for path in tmp_path.rglob("*")] == ["runs", "model", "config.json"]


def test_a_refused_run_leaves_the_lock_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.loop.output_lock._PATIENCE_S", 0.0)
    with another_run(tmp_path / "model"):
        for _ in range(2):
            lock = OutputLock(str(tmp_path / "model"))
            with pytest.raises(UsageError, match="another run"):
                lock.acquire()
            lock.release()


def test_who_waited_for_a_lock_that_was_removed_takes_the_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = OutputLock(str(tmp_path)), OutputLock(str(tmp_path))
    first.acquire()

    def release_meanwhile(_: OutputLock, descriptor: int) -> None:
        first.release()

    monkeypatch.setattr(OutputLock, "_lock", release_meanwhile)
    second.acquire()
    assert (tmp_path / ".lock").exists()
    second.release()
