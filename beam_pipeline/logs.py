"""What is logged to a terminal, and in which form."""

from __future__ import annotations

import logging

from transforms.functional.safe_urls import mask_secrets


class _MaskSecrets(logging.Formatter):
    """Log lines without the secrets of URLs, whichever library wrote them."""

    def format(self, record: logging.LogRecord) -> str:
        return mask_secrets(super().format(record))


def set_up_logging(debug: bool) -> None:
    """Show our own warnings, and of Beam's log only what one debugs with.

    Beam logs the traceback of every error that it raises; `main` says it in one line.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_MaskSecrets(logging.BASIC_FORMAT))
    level = logging.INFO if debug else logging.CRITICAL
    logging.basicConfig(level=level, handlers=[handler])
    for package in ("beam_pipeline", "transforms"):
        logging.getLogger(package).setLevel(logging.INFO if debug else logging.WARNING)
