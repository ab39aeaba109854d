"""A worker process of the local engine: Beam's own, but quiet, and single-threaded inside.

Without it: each worker prints a page of log when it starts and a page of traceback for each error,
and lives on when the job is killed.
"""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from beam_pipeline.engines.overrides.start_up import (
    limit_library_threads,
    quick_imports,
    share_memory,
)

SECONDS_BETWEEN_CHECKS = 0.5


def main() -> None:
    """Serve the runner that started this process until it hangs up, or is no more."""
    # Ctrl-C reaches every process of a terminal; the runner alone decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    # Errors go back to the runner, which raises them; the worker would print each one too.
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - open until the process ends
    # With a handler in place nothing sets up a second one on stderr; logs still go to the runner.
    logging.getLogger().addHandler(logging.NullHandler())

    share_memory()
    limit_library_threads()
    with quick_imports():
        from apache_beam.runners.worker import sdk_worker_main

        import beam_pipeline.pipeline  # noqa: F401 - what the job's functions are made of

    sdk_worker_main.main(sys.argv)


def _leave_with(parent: int) -> None:
    """End this process, whatever it is at, when its parent has ended."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_CHECKS)
    os._exit(1)


if __name__ == "__main__":
    main()
