"""Workers in this process that print nothing, and end when their engine hangs up, not before.

Without it: a worker prints a page of traceback for each error that it also logs and sends to the
engine, which sends it to us, and goes on to do so while an interrupted job ends. And two task
managers of Flink give their workers the same ids: one that is done with its worker stops the
other's, and the job starts again, or fails.
"""

from types import ModuleType
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker import log_handler, sdk_worker
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer


def _print_nothing(*_: object, **__: object) -> None:
    pass


_printing: tuple[ModuleType, ...] = (sdk_worker, log_handler)
for _module in _printing:
    # A name of the module is found before Python's own.
    _module.print = _print_nothing  # type: ignore[attr-defined]


def _leave_running(
    _: BeamFnExternalWorkerPoolServicer, __: Any, ___: Any
) -> beam_fn_api_pb2.StopWorkerResponse:
    return beam_fn_api_pb2.StopWorkerResponse()


BeamFnExternalWorkerPoolServicer.StopWorker = _leave_running
