"""`python -m beam_pipeline`: raw reviews in, shards of tensors out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from beam_pipeline.options import parse_options
from transforms.functional.errors import ReviewShardsError


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
            raise
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        what = " ".join(str(error).split())
        print(
            f"error: unexpected {type(error).__name__}: {what} (--debug shows where)",
            file=sys.stderr,
        )
        return ReviewShardsError.exit_code
    return 0


def _set_up_logging(debug: bool) -> None:
    """Show our own warnings, and of Beam's log only what one debugs with.

    Beam logs the traceback of every error that it raises; `main` says it in one line.
    """
    logging.basicConfig(level=logging.INFO if debug else logging.CRITICAL)
    for package in ("beam_pipeline", "transforms"):
        logging.getLogger(package).setLevel(logging.INFO if debug else logging.WARNING)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
