"""Show how far a job is: a bar in a terminal, elsewhere a line every 30 seconds."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from beam_pipeline.logs import log_line, writes_json
from beam_pipeline.progress.monitor import OutputMonitor, Progress
from transforms import storage

SECONDS_BETWEEN_LINES = 30.0
SECONDS_BETWEEN_REQUESTS = 30.0  # Listing a store costs money.
SECONDS_BETWEEN_FRAMES = 0.5
MOST_TIME_SPENT = 0.01  # Share of the time that looking may take.
SECONDS_WITHOUT_A_SHARD = 60.0  # After so many it is asked whether anybody works.

_logger = logging.getLogger(__name__)


@contextmanager
def watching(
    output: str, make_monitor: Callable[[], OutputMonitor], *, quiet: bool, engine: str = ""
) -> Iterator[None]:
    """Show how far a job is for as long as it runs in this block.

    Args:
        make_monitor: Called when the job is about to start, and not at all when `quiet`.
        quiet: Show nothing; neither is anything shown without a stderr.
        engine: The engine beyond this process; one without free workers waits without a word.
    """
    if quiet or sys.stderr is None:
        yield
        return
    monitor = make_monitor()
    display = _Bar() if sys.stderr.isatty() and not writes_json() else _Lines()
    interval = display.interval
    if not storage.is_local(output):
        interval = max(interval, SECONDS_BETWEEN_REQUESTS)
    stopped = threading.Event()
    watch = partial(_watch, monitor, display, interval, stopped, engine)
    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopped.set()
        watcher.join(timeout=1.0)  # A store may be slow to answer.
        with suppress(OSError, ValueError):
            display.close()


def _watch(
    monitor: OutputMonitor,
    display: _Bar | _Lines,
    interval: float,
    stopped: threading.Event,
    engine: str,
) -> None:
    wait, shards, since = interval, 0, time.monotonic()
    while not stopped.wait(wait):
        started = time.monotonic()
        try:
            progress = monitor.look()
        except Exception:
            # The job itself says what is wrong with its output; nothing is lost but a look.
            continue
        if not stopped.is_set():
            with suppress(OSError, ValueError):  # The screen is gone; the job continues.
                display.show(progress)
            if progress.shards != shards:
                shards, since = progress.shards, started
            is_silent = progress.fraction < 1 and started - since > SECONDS_WITHOUT_A_SHARD
            if engine and is_silent:
                _logger.warning(
                    "no new shard for a minute: has %s workers that are free? Its page and its log "
                    "say so (with --order shuffled there is no shard before all is read)",
                    engine,
                )
                engine = ""
        wait = max(interval, (time.monotonic() - started) / MOST_TIME_SPENT)


class _Lines:
    """A line now and then, for logs."""

    interval = SECONDS_BETWEEN_LINES

    def __init__(self) -> None:
        self._stream = sys.stderr

    def show(self, progress: Progress) -> None:
        figures = ", ".join(progress.figures())
        line = log_line(f"progress: {progress.fraction:.0%}, {figures}", "INFO")
        print(line, file=self._stream, flush=True)

    def close(self) -> None:
        pass


class _Bar:
    """A bar that is gone when the job is."""

    interval = SECONDS_BETWEEN_FRAMES

    def __init__(self) -> None:
        # Imported here: logs need none of it.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

        self._bar = Progress(
            SpinnerColumn(),
            TaskProgressColumn(),
            BarColumn(bar_width=None),
            TextColumn("{task.description}"),
            console=Console(file=sys.stderr),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
        )
        self._task = self._bar.add_task("starting", total=1.0)
        self._bar.start()

    def show(self, progress: Progress) -> None:
        figures = "  ".join(progress.figures())
        self._bar.update(self._task, completed=progress.fraction, description=figures)

    def close(self) -> None:
        self._bar.stop()
