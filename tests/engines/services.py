"""Beam's own job service and worker pool, each a process that speaks gRPC, and what they start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT
from tests.ports import free_port
from tests.waiting import wait_for

# The worker processes of the local engine, and of our own pool.
WORKER = "beam_pipeline.engines.overrides.local_worker"


@dataclass(frozen=True, kw_only=True)
class Portable:
    """A job service, and a pool that starts its workers.

    Attributes:
        options: What a job passes to run there.
        pool: Process id of the pool; its children are the workers.
    """

    options: tuple[str, ...]
    pool: int


@contextmanager
def portable_services(folder: Path, code: Path = ROOT) -> Iterator[Portable]:
    """Start both, in a working folder of their own; end them and their workers.

    Args:
        folder: The working folder; what they print goes there, too.
        code: Folder with the packages that the workers import.
    """
    job_port, pool_port = free_port(), free_port()
    service = "apache_beam.runners.portability.local_job_service_main"
    pool = "apache_beam.runners.worker.worker_pool_main"
    with (
        _process(folder, ROOT, ["-m", service, "--port", str(job_port)], job_port),
        _process(folder, code, ["-m", pool, "--service_port", str(pool_port)], pool_port) as pid,
    ):
        options = ("--runner", "PortableRunner", "--job_endpoint", f"localhost:{job_port}")
        workers = ("--environment_type", "EXTERNAL")
        address = ("--environment_config", f"localhost:{pool_port}")
        yield Portable(options=(*options, *workers, *address), pool=pid)


def children(process: int, command: str) -> list[int]:
    """Return the children of a process whose command line holds some text."""
    found = []
    for tasks in Path(f"/proc/{process}/task").glob("*/children"):
        for child in tasks.read_text().split():
            try:
                line = Path(f"/proc/{child}/cmdline").read_bytes()
            except OSError:  # It has ended meanwhile.
                continue
            if command.encode() in line:
                found.append(int(child))
    return found


@contextmanager
def _process(folder: Path, code: Path, arguments: Sequence[str], port: int) -> Iterator[int]:
    # The pool starts its workers with whatever `python` comes first.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with (
        (folder / f"{port}.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(code)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            wait_for(f"answer on port {port}", lambda: process.poll() is not None or _answers(port))
            assert process.poll() is None, (folder / f"{port}.log").read_text()
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True
