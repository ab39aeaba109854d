"""What is logged to a terminal, and in which form."""

from __future__ import annotations

import logging
import threading

from transforms.functional.safe_urls import printable


class _Printable(logging.Formatter):
    """Log lines without secrets and control characters, whichever library wrote them."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


_OURS = ("beam_pipeline", "transforms")
_LOGGER = logging.getLogger(__name__)


def _is_shown(record: logging.LogRecord) -> bool:
    """Return True for our warnings. Beam sets levels of its own for what its engines print."""
    return record.levelno >= logging.CRITICAL or record.name.partition(".")[0] in _OURS


def set_up_logging(debug: bool) -> None:
    """Show our own warnings, and of Beam's log only what one debugs with.

    Beam logs the traceback of every error that it raises; `main` says it in one line.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Printable(logging.BASIC_FORMAT))
    if not debug:
        handler.addFilter(_is_shown)
    level = logging.INFO if debug else logging.CRITICAL
    logging.basicConfig(level=level, handlers=[handler])
    for package in _OURS:
        logging.getLogger(package).setLevel(logging.INFO if debug else logging.WARNING)


def log_thread_failures() -> None:
    """Log what a thread raises, instead of printing it: an engine's threads fail as it ends.

    What matters of it comes back by the job's own error. For a process that is the program's own.
    """

    def log(failure: threading.ExceptHookArgs) -> None:
        raised = failure.exc_value
        _LOGGER.info("thread %s failed", failure.thread and failure.thread.name, exc_info=raised)

    threading.excepthook = log
