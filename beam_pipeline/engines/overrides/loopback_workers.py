"""Workers in this process that end when their engine hangs up, and not before.

Without it: two task managers of Flink give their workers the same ids, and one that is done with
its worker stops the other's; the job starts again, or fails.
"""

from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer


def _leave_running(
    _: BeamFnExternalWorkerPoolServicer, __: Any, ___: Any
) -> beam_fn_api_pb2.StopWorkerResponse:
    return beam_fn_api_pb2.StopWorkerResponse()


BeamFnExternalWorkerPoolServicer.StopWorker = _leave_running
