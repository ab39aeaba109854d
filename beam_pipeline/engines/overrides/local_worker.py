"""A worker process of the local engine: Beam's own, but quiet, and single-threaded inside.

Without it: each worker prints a page of log when it starts and a page of traceback for each error,
and lives on when the job is killed.
"""

import io
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

from beam_pipeline.engines.overrides.start_up import (
    keep_memory,
    limit_library_threads,
    quick_imports,
)
from beam_pipeline.logs import set_up_logging
from transforms.functional.safe_urls import printable

DEBUG = "--debug"

SECONDS_BETWEEN_CHECKS = 0.5


def main() -> None:
    """Serve the runner that started this process until it hangs up, or is no more."""
    keep_memory()  # Before the first thread gets an arena of its own.
    # Ctrl-C reaches every process of a terminal; the runner alone decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    if DEBUG in sys.argv:
        sys.stderr = _Printable(sys.stderr)
        set_up_logging(debug=True)
    else:
        # Errors go back to the runner, which raises them; the worker would print each one too.
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - open until the process ends
        # With a handler in place nothing sets up another on stderr; logs still go to the runner.
        logging.getLogger().addHandler(logging.NullHandler())

    limit_library_threads()
    with quick_imports():
        from apache_beam.runners.worker import sdk_worker_main

        import beam_pipeline.graph.build  # noqa: F401 - what the job's functions are made of

    sdk_worker_main.main(sys.argv)


class _Printable(io.TextIOBase):
    """A stream without secrets, for what Beam logs of a worker: its options, its errors.

    Args:
        stream: Where the rest goes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(text))
        self._stream.flush()
        return len(text)


def _leave_with(parent: int) -> None:
    """End this process, whatever it is at, when its parent has ended."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_CHECKS)
    os._exit(1)


if __name__ == "__main__":
    main()
