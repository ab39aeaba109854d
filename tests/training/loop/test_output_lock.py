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
