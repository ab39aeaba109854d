"""The pool of workers: ids that two engines share, and a port that is taken."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from apache_beam.portability.api import beam_fn_api_pb2

from beam_pipeline.engines.worker_pool import WorkerPool, serve
from tests.ports import free_port
from tests.waiting import wait_for
from transforms.functional.errors import ReviewShardsError

_WORKER = """
import os, pathlib, signal, sys, time
pathlib.Path(sys.argv[1], str(os.getpid())).write_text(os.environ["WORKER_ID"])
time.sleep(300)
"""


class Pool:
    """A pool whose workers only wait, each with a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = WorkerPool((sys.executable, "-c", _WORKER, str(folder)))

    def start(self, name: str) -> int:
        """Start a worker, and return the id of its process."""
        before = set(self._folder.iterdir())
        self._pool.StartWorker(beam_fn_api_pb2.StartWorkerRequest(worker_id=name), None)
        wait_for("worker", lambda: set(self._folder.iterdir()) - before, 60)
        (started,) = set(self._folder.iterdir()) - before
        wait_for("its id", lambda: started.read_text() == name, 60)
        return int(started.name)

    def stop(self, name: str) -> None:
        """Ask for the end of a worker."""
        self._pool.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id=name), None)


def is_running(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_worker_ends_when_it_is_told_to(tmp_path: Path) -> None:
    pool = Pool(tmp_path)
    first, second = pool.start("1-1"), pool.start("1-2")

    pool.stop("1-1")
    pool.stop("none")

    assert not is_running(first)
    assert is_running(second)
    pool.stop("1-2")
    assert not is_running(second)


def test_of_two_workers_with_one_id_the_other_engine_s_is_left_alone(tmp_path: Path) -> None:
    pool = Pool(tmp_path)
    first, second = pool.start("1-1"), pool.start("1-1")

    pool.stop("1-1")
    assert is_running(first)
    assert is_running(second)

    # As it does when its engine hangs up.
    os.kill(first, signal.SIGTERM)
    wait_for("end", lambda: not is_running(first), 60)
    pool.stop("1-1")
    assert is_running(second)

    pool.stop("1-1")
    assert not is_running(second)


def test_a_port_that_another_pool_has_is_refused() -> None:
    port = free_port()
    first = serve(port)
    try:
        with pytest.raises(ReviewShardsError, match=f"^port {port} cannot be had"):
            serve(port)
    finally:
        first.stop(0)
