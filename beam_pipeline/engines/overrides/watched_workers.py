"""Worker processes whose end fails the job.

Without it: a job whose worker process is killed waits for ever.
"""

import threading
from typing import Any

from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    BeamFnControlServicer,
    SubprocessSdkWorkerHandler,
    WorkerHandler,
)

from beam_pipeline.engines.failures import LOST_WORKER

POLL_S = 0.2


# Beam looks the handler up by its kind of environment: importing this module replaces Beam's.
@WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)
class WatchedWorkerHandler(SubprocessSdkWorkerHandler):
    """A worker process; when it ends before the job does, all that it was asked fails."""

    def __init__(self, *arguments: Any) -> None:
        """Take what Beam gives to its own handler."""
        super().__init__(*arguments)
        self.closing = threading.Event()

    def start_worker(self) -> None:
        """Start the process, and a thread that waits for its end."""
        super().start_worker()
        threading.Thread(target=self._watch, name="watch_worker", daemon=True).start()

    def close(self) -> None:
        """Let the process end: its job is done, or has failed."""
        self.closing.set()
        # Beam tells only those that are connected: one that still starts would wait for ever.
        self.control_conn.push(BeamFnControlServicer._DONE_MARKER)
        super().close()

    def _watch(self) -> None:
        self.worker_thread.join()
        if self.closing.is_set():
            return
        # Somebody must take what is sent to it, or a full queue blocks the runner.
        threading.Thread(target=self._drain, name="drain_worker", daemon=True).start()
        # Again and again: the runner may ask more of it, until it sees the first failure.
        while not self.closing.wait(POLL_S):
            for name, answer in list(self.control_conn._futures_by_id.items()):
                answer.set(
                    beam_fn_api_pb2.InstructionResponse(instruction_id=name, error=LOST_WORKER)
                )

    def _drain(self) -> None:
        for _ in self.data_conn._write_outputs():
            pass
