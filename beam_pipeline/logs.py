"""What is logged to a terminal, and in which form."""

from __future__ import annotations

import logging

from transforms.functional.safe_urls import printable


class _Printable(logging.Formatter):
    """Log lines without secrets and control characters, whichever library wrote them."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def set_up_logging(debug: bool) -> None:
    """Show our own warnings, and of Beam's log only what one debugs with.

    Beam logs the traceback of every error that it raises; `main` says it in one line.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Printable(logging.BASIC_FORMAT))
    level = logging.INFO if debug else logging.CRITICAL
    logging.basicConfig(level=level, handlers=[handler])
    for package in ("beam_pipeline", "transforms"):
        logging.getLogger(package).setLevel(logging.INFO if debug else logging.WARNING)
