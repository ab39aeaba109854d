"""Job servers that Beam's runners start by themselves, stopped when this process leaves.

Without it: Prism, or the job server of Flink or Spark, outlives the job, because Beam stops it in
`atexit`, which a process that does not wait for its threads skips; and Ctrl-C stops it before the
job on it can be cancelled.
"""

import signal
from typing import Any

from apache_beam.runners.portability import job_server

from beam_pipeline.engines import interrupts


class StoppedJobServer(job_server.StopOnExitJobServer):
    """A job server that ends with this process, and leaves Ctrl-C alone."""

    def start(self) -> Any:
        """Start the server, and return how it is asked."""
        handler = signal.getsignal(signal.SIGINT)
        interrupts.before_leaving(self.stop)
        try:
            return super().start()
        finally:
            signal.signal(signal.SIGINT, handler)


# Beam's runners look it up by its name.
job_server.StopOnExitJobServer = StoppedJobServer
