"""What commands do alike: what they take and print, how a failure is said, and how they end.

The job decides the exit code, not the screen: a closed pipe (`| head`), a full disk, or
no stdout at all lose what is printed, and nothing else.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn, TextIO

from beam_pipeline.engines import interrupts
from beam_pipeline.logs import log_line, log_thread_failures, set_up_logging
from transforms.functional.errors import ReviewShardsError
from transforms.functional.safe_urls import mask_secrets, printable


def say(text: str) -> None:
    """Print a text, without secrets and with control characters escaped."""
    write(printable(text), sys.stdout)


def say_error(text: str) -> None:
    """Log an error to stderr, without secrets and with control characters escaped."""
    write(log_line(printable(text), "ERROR"), sys.stderr)


def command_line(module: str, arguments: Sequence[str]) -> str:
    """Return a command as one would type it, without secrets."""
    return mask_secrets(shlex.join(["python", "-m", module, *arguments]))


def write(text: str, stream: TextIO | None) -> None:
    """Print a line as it is; what the stream does not take is lost."""
    # ValueError: it is closed.
    with suppress(OSError, ValueError):
        if stream is not None:
            print(text, file=stream, flush=True)


def exit_code_of(
    command: Callable[[], int | None], *, interrupted: str, debug: bool = False
) -> int:
    """Run a command and return its exit code, 0 where it returns none; a failure is one line.

    Args:
        interrupted: What to say of an interrupt.
    """
    try:
        return command() or 0
    except KeyboardInterrupt as error:
        told = "; ".join([*map(str, filter(None, error.args)), interrupted])
        say_error(f"interrupted: {told}{_besides(error)}")
        return interrupts.EXIT_CODE
    except Exception as error:
        if debug:
            say_error("".join(traceback.format_exception(error)).rstrip())
        if isinstance(error, ReviewShardsError):
            say_error(f"error: {error}{_besides(error)}")
            return error.exit_code
        what = " ".join(str(error).split()) + _besides(error)
        say_error(f"error: unexpected {type(error).__name__}: {what} (--debug shows where)")
        return ReviewShardsError.exit_code


def _besides(error: BaseException) -> str:
    """Return what was noted of an error: for example, that cleaning up after it failed, too."""
    return "".join(f"; besides, {note}" for note in getattr(error, "__notes__", ()))


def dataset_parser(
    module: str, description: str, *, generation: bool = False
) -> argparse.ArgumentParser:
    """Return a parser of `OUTPUT` and --debug.

    Args:
        generation: OUTPUT may be one of the dataset's manifests, and --generation choose one.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m beam_pipeline.{module}", description=description, allow_abbrev=False
    )
    manifests = ", or one of its manifests (OUTPUT/manifests/000003.json)" if generation else ""
    parser.add_argument("output", help=f"folder or URL of the dataset{manifests}")
    if generation:
        parser.add_argument(
            "--generation", type=int, metavar="N", help="this one; the newest by default"
        )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def run_command(
    command: Callable[[argparse.Namespace], int | None],
    parser: argparse.ArgumentParser,
    arguments: Sequence[str],
    *,
    interrupted: str,
) -> int:
    """Run a command with what `dataset_parser` makes of its arguments; see `exit_code_of`."""
    options = parser.parse_args(arguments)
    set_up_logging(options.debug)
    return exit_code_of(lambda: command(options), interrupted=interrupted, debug=options.debug)


def run_program(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Run a command's `main` and exit with its code; signals raise `KeyboardInterrupt` in it.

    The process ends at once: Python would take Beam's modules apart one by one, for 0.08 s, and
    wait for the threads of an interrupted engine.
    """
    _open_standard_streams()
    log_thread_failures()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, interrupts.interrupt)
    try:
        code = main(sys.argv[1:])
    except SystemExit as end:  # argparse's.
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    interrupts.leave(code)


def _open_standard_streams() -> None:
    """Open what the caller has closed, or the first file of the job would get its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a character gets its escape instead of an error.
        sys.stdout.reconfigure(errors="backslashreplace")
