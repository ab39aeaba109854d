"""`python -m beam_pipeline`: raw reviews in, shards of tensors out."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from beam_pipeline.engines import interrupts
from beam_pipeline.engines.overrides.start_up import (
    keep_memory,
    limit_library_threads,
    quick_imports,
)
from beam_pipeline.logs import set_up_logging
from beam_pipeline.options.command_line import parse_options
from transforms.functional.errors import ReviewShardsError
from transforms.functional.safe_urls import mask_secrets

if TYPE_CHECKING:
    from beam_pipeline.options.config import JobConfig


def main(arguments: Sequence[str]) -> int:
    """Run the job that the arguments describe, and return its exit code."""
    debug = "--debug" in arguments
    set_up_logging(debug)
    try:
        _run(*parse_options(arguments))
    except KeyboardInterrupt:
        again = "without --overwrite " if "--overwrite" in arguments else ""
        print(
            f"interrupted: the same command {again}goes on from here, and keeps the shards that "
            f"are finished",
            file=sys.stderr,
        )
        return interrupts.EXIT_CODE
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


def _run(config: JobConfig, beam_arguments: Sequence[str]) -> None:
    """Run the job, or estimate it, and print what came out."""
    # Imported after the options are known to be right: `--help` and typing mistakes are quick.
    keep_memory()
    limit_library_threads()
    with quick_imports():
        from beam_pipeline.job import run_job
        from beam_pipeline.options.config_file import config_text
        from beam_pipeline.report.summary import summary

    def say(text: str) -> None:
        if not config.quiet:
            print(text, flush=True)

    options = config_text(config, beam_arguments, one_line=True)
    say(f"Config (all other options have their defaults): {options}")
    if config.dry_run:
        from beam_pipeline.dry_run.dry_run import dry_run

        print(dry_run(config))
    else:
        result = run_job(config, beam_arguments)
        say(summary(config, result) if result else "Written, not run: the engine makes the dataset")


def _raise_without_secrets(error: Exception) -> NoReturn:
    """Raise the error again; if nobody catches it, its traceback is printed with secrets masked."""

    def show_masked(kind: type[BaseException], value: BaseException, trace: Any) -> None:
        text = "".join(traceback.format_exception(kind, value, trace))
        print(mask_secrets(text), end="", file=sys.stderr)

    sys.excepthook = show_masked
    raise error


if __name__ == "__main__":
    interrupts.run_interruptible(main, sys.argv[1:])
