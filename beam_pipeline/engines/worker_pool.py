"""A pool of workers on this machine, for `--environment_type EXTERNAL`: a process for each.

    python -m beam_pipeline.engines.worker_pool --port 50000

It does what Beam's own (`apache_beam.runners.worker.worker_pool_main`) does, and three things
besides: it listens on loopback alone, it notices that another server holds its port, and several
task managers may share it. Flink's and Spark's processes each number their workers from 1, and
Beam's pool stops the worker of the one when the other is done with its own: the job then waits for
ever.
"""

import argparse
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2
from google.protobuf import text_format  # type: ignore[import-untyped]

from beam_pipeline.engines.overrides import local_worker
from transforms.functional.errors import ReviewShardsError

_STOPS_IN_S = 10
_CALLS_AT_A_TIME = 64


_WORKER = (sys.executable, "-m", local_worker.__name__)


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts a process for each worker that an engine asks for.

    Args:
        command: What a worker runs. It finds its id and the engine in its environment.
    """

    def __init__(self, command: Sequence[str] = _WORKER) -> None:
        """Begin with no workers."""
        self._command = command
        self._lock = threading.Lock()
        self._workers: dict[str, list[subprocess.Popen[bytes]]] = defaultdict(list)

    def StartWorker(self, request: Any, _: Any) -> Any:  # noqa: N802 - the protocol's name
        """Start a worker, which calls the engine itself."""
        environment = {
            "WORKER_ID": request.worker_id,
            "CONTROL_API_SERVICE_DESCRIPTOR": _described(request.control_endpoint.url),
            "LOGGING_API_SERVICE_DESCRIPTOR": _described(request.logging_endpoint.url),
        }
        with self._lock:
            worker = subprocess.Popen(
                self._command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL
            )
            self._workers[request.worker_id].append(worker)
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, _: Any) -> Any:  # noqa: N802 - the protocol's name
        """Stop a worker, unless it has ended, or others have its id.

        Of those with one id nobody can tell which is meant: it ends as its engine hangs up.
        """
        stopped = self._taken_out(request.worker_id)
        if stopped is not None and stopped.poll() is None:
            stopped.terminate()
            try:
                stopped.wait(_STOPS_IN_S)
            except subprocess.TimeoutExpired:
                stopped.kill()
                stopped.wait()
        return beam_fn_api_pb2.StopWorkerResponse()

    def _taken_out(self, worker_id: str) -> "subprocess.Popen[bytes] | None":
        """Return the worker that an id surely means, and forget it; None where none does."""
        with self._lock:
            workers = self._workers[worker_id]
            ended = [worker for worker in workers if worker.poll() is not None]
            meant = next(iter(ended), workers[0] if len(workers) == 1 else None)
            if meant is not None:
                workers.remove(meant)
            return meant


def serve(port: int) -> Any:
    """Start a pool on a port of loopback, and return its server.

    Raises:
        ReviewShardsError: something else listens there.
    """
    # Linux would give the port to both, and each a part of the calls.
    server = grpc.server(ThreadPoolExecutor(_CALLS_AT_A_TIME), options=[("grpc.so_reuseport", 0)])
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(WorkerPool(), server)
    try:
        server.add_insecure_port(f"localhost:{port}")
    except RuntimeError as error:
        raise ReviewShardsError(
            f"port {port} cannot be had: something listens there already, or it is not allowed"
        ) from error
    server.start()
    return server


def main() -> None:
    """Serve until the process is stopped; its workers end with it."""
    parser = argparse.ArgumentParser(
        prog="python -m beam_pipeline.engines.worker_pool",
        description="A pool of Beam workers on loopback, for --environment_type EXTERNAL.",
    )
    parser.add_argument("--port", type=int, default=50000, help="(default: %(default)s)")
    try:
        serve(parser.parse_args().port).wait_for_termination()
    except ReviewShardsError as error:
        sys.exit(f"error: {error}")


def _described(url: str) -> str:
    """Return an address as Beam's workers expect it in their environment."""
    return str(text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=url)))


if __name__ == "__main__":
    main()
