"""What is logged, and in which form: lines for people, or JSON for machines."""

from __future__ import annotations

import json
import logging
import threading
import time
from datetime import datetime, timezone
from typing import Literal

from transforms.functional.safe_urls import printable

LogFormat = Literal["text", "json"]


class _Lines(logging.Formatter):
    """Log lines without secrets and control characters, whichever library wrote them.

    Attributes:
        log_format: In which form.
    """

    log_format: LogFormat = "text"

    def format(self, record: logging.LogRecord) -> str:
        text = printable(super().format(record))
        if self.log_format == "text":
            return text
        # Without its name and level, which have fields of their own.
        message = printable(logging.Formatter("%(message)s").format(record))
        return _json_line(record.levelname, message, record.name, record.created)


_OURS = ("beam_pipeline", "transforms")
_LOGGER = logging.getLogger(__name__)
_formatter = _Lines(logging.BASIC_FORMAT)


def _is_shown(record: logging.LogRecord) -> bool:
    """Return True for our warnings. Beam sets levels of its own for what its engines print."""
    return record.levelno >= logging.CRITICAL or record.name.partition(".")[0] in _OURS


def set_up_logging(debug: bool, log_format: LogFormat = "text") -> None:
    """Show our own warnings, and of Beam's log only what one debugs with.

    Beam logs the traceback of every error that it raises; `main` says it in one line.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter)
    _formatter.log_format = log_format
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


def writes_json() -> bool:
    """Return True where every line on stderr is a JSON object."""
    return _formatter.log_format == "json"


def log_line(text: str, level: Literal["INFO", "ERROR"]) -> str:
    """Return what a command says on stderr as a line of its log."""
    return _json_line(level, text, "beam_pipeline", time.time()) if writes_json() else text


def _json_line(level: str, message: str, logger: str, created: float) -> str:
    when = datetime.fromtimestamp(created, timezone.utc).isoformat(timespec="milliseconds")
    line = {
        "time": when.replace("+00:00", "Z"),
        "level": level,
        "logger": logger,
        "message": message,
    }
    return json.dumps(line, ensure_ascii=False)
