"""`python -m beam_pipeline`: raw reviews in, shards of tensors out."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from beam_pipeline.options import parse_options
from transforms.functional.errors import ReviewShardsError
from transforms.functional.safe_urls import mask_secrets


def main(arguments: Sequence[str]) -> int:
    """Run the job that the arguments describe, and return its exit code."""
    debug = "--debug" in arguments
    _set_up_logging(debug)
    try:
        config, beam_arguments = parse_options(arguments)
        # Imported after the options are known to be right: `--help` and typing mistakes are quick.
        if config.dry_run:
            from beam_pipeline.dry_run import dry_run

            print(dry_run(config))
        else:
            from beam_pipeline.job import run_job
            from beam_pipeline.summary import summary

            print(summary(config, run_job(config, beam_arguments)))
    except ReviewShardsError as error:
        if debug:
            _raise_without_secrets(error)
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except Exception as error:
        if debug:
            _raise_without_secrets(error)
        what = mask_secrets(" ".join(str(error).split()))
        print(
            f"error: unexpected {type(error).__name__}: {what} (--debug shows where)",
            file=sys.stderr,
        )
        return ReviewShardsError.exit_code
    return 0


def _raise_without_secrets(error: Exception) -> NoReturn:
    """Raise the error again; if nobody catches it, its traceback is printed with secrets masked."""

    def show_masked(kind: type[BaseException], value: BaseException, trace: Any) -> None:
        text = "".join(traceback.format_exception(kind, value, trace))
        print(mask_secrets(text), end="", file=sys.stderr)

    sys.excepthook = show_masked
    raise error


class _MaskSecrets(logging.Formatter):
    """Log lines without the secrets of URLs, whichever library wrote them."""

    def format(self, record: logging.LogRecord) -> str:
        return mask_secrets(super().format(record))


def _set_up_logging(debug: bool) -> None:
    """Show our own warnings, and of Beam's log only what one debugs with.

    Beam logs the traceback of every error that it raises; `main` says it in one line.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_MaskSecrets(logging.BASIC_FORMAT))
    level = logging.INFO if debug else logging.CRITICAL
    logging.basicConfig(level=level, handlers=[handler])
    for package in ("beam_pipeline", "transforms"):
        logging.getLogger(package).setLevel(logging.INFO if debug else logging.WARNING)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
