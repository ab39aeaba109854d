"""How processes that share a cache make room for each other.

A process that finds no room touches a file of the folder. Each process that reads has a thread that
looks at it, also where its other threads wait for something else, as a worker of a training loop
does during an evaluation.
"""

from __future__ import annotations

import threading
import time
import weakref
from pathlib import Path
from typing import Protocol

_WANTED = ".wanted"
_LOOK_SECONDS = 0.5
_IDLE_SECONDS = 5.0  # A reader that waits longer for its next batch is at something else.


class HoldsShards(Protocol):
    """A reader that holds shards of a cache."""

    last_read: float  # By `time.monotonic`.

    def let_go(self) -> None:
        """Let all shards go but those of a batch that is being put together."""

    def __hash__(self) -> int:
        """Return a hash of the object itself."""


def ask_for_room(folder: Path) -> None:
    """Ask the readers of all processes to let go what they do not read."""
    (folder / _WANTED).touch()


class RoomListener:
    """A thread that lets shards go when another process needs room.

    It ends when the readers' cache is gone.

    Args:
        folder: The folder of the cache.
        readers: The readers of this process.
    """

    def __init__(self, folder: Path, readers: weakref.WeakSet[HoldsShards]) -> None:
        """Start the thread."""
        self._file = folder / _WANTED
        self._readers = weakref.ref(readers)
        self._seen = _changed(self._file)
        threading.Thread(target=self._work, name="room", daemon=True).start()

    def _work(self) -> None:
        while (readers := self._readers()) is not None:
            changed = _changed(self._file)
            if changed != self._seen:
                now, self._seen = time.monotonic(), changed
                for reader in list(readers):
                    if now - reader.last_read >= _IDLE_SECONDS:
                        reader.let_go()
            del readers
            time.sleep(_LOOK_SECONDS)


def _changed(file: Path) -> int:
    """Return when a file was touched last; 0 where there is none."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
