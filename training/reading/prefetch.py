"""A thread that downloads shards before they are asked for."""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable

from transforms.functional.dataset.manifest import ShardEntry
from transforms.functional.errors import DatasetError

RemoteShard = tuple[str, ShardEntry]  # Where a shard is, and what the manifest says of it.

_STOP_SECONDS = 10.0


class Prefetcher:
    """Fetches the shards asked for, one after the other.

    An error is left to whoever asks for that shard: it meets the same error, or none any more.

    Args:
        fetch: Downloads a shard, or raises `DatasetError`.
    """

    def __init__(self, fetch: Callable[[str, ShardEntry], None]) -> None:
        """Start the thread."""
        self._fetch = fetch
        self._queue: deque[RemoteShard] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._work, name="prefetch", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def is_of_this_process(self) -> bool:
        """Return False after a fork: threads stay behind."""
        return self._process == os.getpid()

    def request(self, shards: list[RemoteShard]) -> None:
        """Ask for shards, in place of those asked for before that are not fetched yet."""
        with self._changed:
            self._queue = deque(shards)
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
                self._changed.wait_for(lambda: self._stopped or self._queue)
                if self._stopped:
                    return
                url, shard = self._queue.popleft()
            try:
                self._fetch(url, shard)
            except DatasetError:
                # No room, or no such shard: what comes later in the list fares no better.
                with self._changed:
                    self._queue.clear()
