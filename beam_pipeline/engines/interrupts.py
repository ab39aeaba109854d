"""Ctrl-C and SIGTERM: the program ends in bounded time, whatever its threads are at."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import apache_beam as beam
    from apache_beam.runners.runner import PipelineResult

EXIT_CODE = 130
# For what has to end by itself: worker processes, a job on a cluster that is told to stop.
GRACE_SECONDS = 15.0
LOOKS_EVERY_SECONDS = 0.5

_before_leaving: list[Callable[[], object]] = []


def run_to_the_end(
    pipeline: beam.Pipeline, *, local: bool, cancel: Callable[[PipelineResult], str]
) -> PipelineResult:
    """Run a pipeline so that `KeyboardInterrupt` comes through, and stops it wherever it runs.

    Args:
        pipeline: The pipeline.
        local: True where it runs on this machine: in another thread, since the local engine works
            in the one that starts it, and would make a failed part out of an interrupt.
        cancel: Stops a pipeline that runs elsewhere, and returns what is left to do by hand.
    """
    if local:
        return _in_thread(lambda: _finished(pipeline.run()))
    result = pipeline.run()
    try:
        return _finished(result)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(cancel(result)) from None


def _finished(result: PipelineResult) -> PipelineResult:
    # A template has no job to wait for.
    if getattr(result, "has_job", True):
        result.wait_until_finish()
    return result


def _in_thread(call: Callable[[], PipelineResult]) -> PipelineResult:
    """Return what a call gives or raises in a thread that nobody waits for at the exit."""
    future: Future[PipelineResult] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="engine", daemon=True).start()
    # A signal may reach any thread; this one, which alone runs handlers, has to wake up for it.
    while not future.done():
        wait([future], timeout=LOOKS_EVERY_SECONDS)
    return future.result()


def interrupt(signal_number: int, frame: FrameType | None) -> None:
    """Raise `KeyboardInterrupt`, and end the process if it does not end in time."""
    # A second signal ends the program at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    watchdog = threading.Timer(GRACE_SECONDS, leave)
    watchdog.daemon = True
    watchdog.start()
    raise KeyboardInterrupt


def before_leaving(call: Callable[[], object]) -> None:
    """Have something done before the process ends, as `atexit` does in other programs."""
    _before_leaving.append(call)


def leave(code: int = EXIT_CODE) -> NoReturn:
    """End the process now: the threads of the local engine would work on to the last part."""
    while _before_leaving:
        # Whatever becomes of it, the process ends.
        with suppress(Exception):
            _before_leaving.pop()()
    for stream in (sys.stdout, sys.stderr):
        # What is left in a broken pipe, or is too much for a full disk, nobody reads.
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
