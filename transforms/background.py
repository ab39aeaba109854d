"""Work in the background: while one element is finished, the next one is already being made."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from transforms.timing import stage_seconds


class MapInBackground(beam.DoFn):
    """Apply a function to each element, in a thread beside the worker's own.

    One element at a time is under way, and one more waits to be handed over: the memory of a
    worker stays bounded. A bundle ends when all of its elements are through, and fails with the
    first that does.

    Args:
        stage: Name of the stage, for `seconds_of_stages`.
        function: From an element to a result; it lets go of Python's lock, or nothing is gained.
    """

    def __init__(self, stage: str, function: Callable[[Any], Any]) -> None:
        """Store the function; the thread starts in the worker."""
        self.function = function
        self.seconds = stage_seconds(stage)

    def setup(self) -> None:
        """Start the thread."""
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="background")

    def start_bundle(self) -> None:
        """Forget what a failed bundle left."""
        self.under_way: Future[tuple[Any, float]] | None = None

    def process(self, element: Any) -> Iterator[Any]:
        """Yield the result of the element before, once it is there, and start with this one."""
        earlier = self._finished()
        self.under_way = self.thread.submit(self._call, element)
        yield from earlier

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Yield the result of the last element."""
        for result in self._finished():
            yield GlobalWindows.windowed_value(result)

    def teardown(self) -> None:
        """End the thread."""
        self.thread.shutdown()

    def _call(self, element: Any) -> tuple[Any, float]:
        started = perf_counter()
        return self.function(element), perf_counter() - started

    def _finished(self) -> list[Any]:
        if self.under_way is None:
            return []
        result, seconds = self.under_way.result()
        self.under_way = None
        self.seconds(seconds)  # Here, as Beam counts nothing in threads that it does not know.
        return [result]
