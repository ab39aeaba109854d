"""Threads that download shards before they are asked for."""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable

from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.errors import DatasetError

RemoteShard = tuple[str, ShardEntry]  # Where a shard is, and what the manifest says of it.

_THREADS = 4  # One download seldom fills the line to a store.
_STOP_SECONDS = 10.0


class Prefetcher:
    """Fetches the shards asked for, several at once, those of all readers in turn.

    An error is left to whoever asks for that shard: it meets the same error, or none any more.

    Args:
        fetch: Downloads a shard, or raises `DatasetError`.
    """

    def __init__(self, fetch: Callable[[str, ShardEntry], None]) -> None:
        """Start the threads."""
        self._fetch = fetch
        self._queues: dict[int, deque[RemoteShard]] = {}
        self._requested: dict[int, set[str]] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._process = os.getpid()
        self._threads = [
            threading.Thread(target=self._work, name=f"prefetch-{number}", daemon=True)
            for number in range(_THREADS)
        ]
        for thread in self._threads:
            thread.start()
        atexit.register(self.stop)

    def request(self, shards: list[RemoteShard], reader: int) -> None:
        """Ask for shards, in place of what the same reader asked for before.

        Args:
            shards: The shards, in the order of need.
            reader: Number of who will read them.
        """
        with self._changed:
            self._queues[reader] = deque(shards)
            self._requested[reader] = {shard.sha256 for _, shard in shards}
            self._changed.notify_all()

    def requested(self) -> set[str]:
        """Return the sha256 of all shards in the readers' last requests, fetched or not."""
        with self._changed:
            return set().union(*self._requested.values())

    def stop(self) -> None:
        """End the threads after the shards that they are at; do not wait long for slow ones."""
        if self._process != os.getpid():  # Threads stay behind in a fork.
            return
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=_STOP_SECONDS)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or any(self._queues.values()))
                if self._stopped:
                    return
                reader = next(number for number, queue in self._queues.items() if queue)
                # The readers take turns.
                queue = self._queues[reader] = self._queues.pop(reader)
                url, shard = queue.popleft()
            try:
                self._fetch(url, shard)
            except DatasetError:
                # No room, or no such shard: what comes later in the list fares no better.
                with self._changed:
                    queue.clear()
