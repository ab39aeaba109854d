"""A thread that downloads shards before they are asked for."""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable

from training.reading.manifest_source import Location
from transforms.functional.dataset.manifest import ShardEntry
from transforms.functional.errors import DatasetError

Wish = tuple[Location, ShardEntry]

_STOP_SECONDS = 10.0


class FetchAhead:
    """Works off a list of wishes, one after the other.

    An error is left to whoever asks for that shard: it meets the same error, or none any more.

    Args:
        fetch: Downloads a shard, or raises `DatasetError`.
    """

    def __init__(self, fetch: Callable[[Location, ShardEntry], None]) -> None:
        """Start the thread."""
        self._fetch = fetch
        self._wishes: deque[Wish] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._work, name="fetch-ahead", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def is_of_this_process(self) -> bool:
        """Return False after a fork: threads stay behind."""
        return self._process == os.getpid()

    def wish(self, wishes: list[Wish]) -> None:
        """Replace the wishes that are not yet worked off."""
        with self._changed:
            self._wishes = deque(wishes)
            self._changed.notify()

    def stop(self) -> None:
        """End the thread after the shard that it is at; do not wait long for a slow one."""
        if not self.is_of_this_process():
            return
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout=_STOP_SECONDS)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._wishes)
                if self._stopped:
                    return
                location, shard = self._wishes.popleft()
            try:
                self._fetch(location, shard)
            except DatasetError:
                # No room, or no such shard: what comes later in the list fares no better.
                with self._changed:
                    self._wishes.clear()
