"""Remote shards in a folder of this machine, bounded in size and shared by all its processes.

    FOLDER/<sha256>.arrow     a whole shard, checked; its name says its content
    FOLDER/<sha256>.part      one that a process is downloading
    FOLDER/.lock              held while room is made
    FOLDER/.wanted            touched by a process that finds no room

Processes meet in file locks. Who downloads holds the `.part` exclusively: another process that
wants the shard waits until the shard is there, or the lock is free. Who reads a shard holds it
shared: only a shard that nobody holds is removed to make room, the one opened longest ago first. A
`.part` that nobody holds was left by a dead process; the next one that starts removes it.

Who reads keeps its shards, since they come up again soon. Where there is no room, the other readers
of the process let all of theirs go, and those of other processes what they have not read for a
while (see `training.reading.room`). Nobody's rows go away: a file that was removed stays readable
for who has it mapped.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from training.reading.download import download
from training.reading.file_locks import open_locked, remove_unless_locked, try_lock
from training.reading.prefetch import Prefetcher
from training.reading.room import HoldsShards, RoomListener, ask_for_room
from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.errors import DatasetError
from transforms.storage.user_cache.folder import cache_folder

DEFAULT_CACHE_GB = 50.0

# How long to wait for other processes to let shards go before the cache counts as too small.
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.05


class CacheFullError(DatasetError):
    """There is no room for a shard: all that is in the cache is being read."""


class ShardCache:
    """Shards of any datasets; see the module's docstring.

    Args:
        folder: The folder; default: `review-shards` in the user's cache folder.
        max_bytes: Most bytes in it.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        max_bytes: int = int(DEFAULT_CACHE_GB * 1e9),
    ) -> None:
        """Store the options; the folder is made when it is first needed."""
        self.folder = Path(folder) if folder is not None else cache_folder()
        self.max_bytes = max_bytes
        self._readers: weakref.WeakSet[HoldsShards] = weakref.WeakSet()
        self._begin()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to this process: locks and its thread."""
        return {"folder": self.folder, "max_bytes": self.max_bytes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Start over in another process."""
        vars(self).update(vars(ShardCache(state["folder"], max_bytes=state["max_bytes"])))

    def _begin(self) -> None:
        """Hold nothing, and have no thread, in this process."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}
        self._holders: Counter[str] = Counter()
        self._prefetcher: Prefetcher | None = None
        self._listener: RoomListener | None = None

    def fetch(self, url: str, shard: ShardEntry, *, patient: bool = True) -> Path:
        """Return a shard's file, and hold it until `release`.

        Args:
            patient: Wait for room that other processes may give.

        Raises:
            CacheFullError: everything in the cache is being read.
            DatasetError: the shard is gone or damaged, or the disk is full.
        """
        self._get_ready()
        path = self.folder / f"{shard.sha256}.arrow"
        while not self._hold(path):
            self._download(url, shard, _PATIENCE_SECONDS if patient else 0.0)
        return path

    def _hold(self, path: Path) -> bool:
        """Hold a shard's file, unless it is not there."""
        with self._lock:
            if path.stem not in self._held:
                held = open_locked(path, fcntl.LOCK_SH)
                if held is None:
                    return False
                self._held[path.stem] = held
                os.utime(path)  # The time by which the oldest is known.
            self._holders[path.stem] += 1
            return True

    def release(self, shard: ShardEntry) -> None:
        """Let a shard go that was fetched: it may be removed when nobody else reads it."""
        with self._lock:
            self._holders[shard.sha256] -= 1
            last = self._holders[shard.sha256] <= 0
            held = self._held.pop(shard.sha256, None) if last else None
        if held is not None:  # After a fork it is the other process's.
            # Unlocked, not only closed: a forked process may have a copy of the descriptor.
            fcntl.flock(held, fcntl.LOCK_UN)
            os.close(held)

    def discard(self, shard: ShardEntry) -> None:
        """Let a shard go that turned out damaged, and remove its file: it is fetched again."""
        path, held = self.folder / f"{shard.sha256}.arrow", self._held[shard.sha256]
        # Unless another process has put a sound file in its place meanwhile.
        if path.exists() and os.fstat(held).st_ino == path.stat().st_ino:
            path.unlink(missing_ok=True)
        self.release(shard)

    def add_reader(self, reader: HoldsShards) -> None:
        """Make a reader known, which lets its shards go where room is needed."""
        self._readers.add(reader)

    def fetch_ahead(self, shards: list[tuple[str, ShardEntry]], reader: HoldsShards) -> None:
        """Download shards in the background, as far as there is room.

        Args:
            shards: Where each shard is, and what the manifest says of it.
            reader: Who will read them; this replaces what it asked for before.
        """
        self._get_ready()
        if self._prefetcher is None:
            self._prefetcher = Prefetcher(self._download_if_room)
        self._prefetcher.request(shards, id(reader))

    def _download_if_room(self, url: str, shard: ShardEntry) -> None:
        if not (self.folder / f"{shard.sha256}.arrow").exists():
            self._download(url, shard, None)

    def _download(self, url: str, shard: ShardEntry, patience: float | None) -> None:
        """Make sure that a shard is in the folder; it may be removed again at once.

        Args:
            patience: Seconds to wait for room; None: it is fetched ahead, and takes no room from
                others that are.
        """
        final = self.folder / f"{shard.sha256}.arrow"
        part = self.folder / f"{shard.sha256}.part"
        descriptor = None
        while descriptor is None:
            if final.exists():
                return
            # Not a lock that blocks: the file that another process downloads becomes the shard,
            # and whoever reads that holds it for long.
            descriptor = try_lock(part)
            if descriptor is None:
                time.sleep(_POLL_SECONDS)
        try:
            if final.exists():  # Another process was quicker.
                part.unlink(missing_ok=True)
                return
            os.ftruncate(descriptor, 0)  # A dead process may have left some.
            self._make_room(descriptor, shard, patience)
            download(url, shard, descriptor)
            part.rename(final)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    def _make_room(self, descriptor: int, shard: ShardEntry, patience: float | None) -> None:
        """Remove shards that nobody reads, and give the `.part` its size, so that it counts."""
        if shard.bytes > self.max_bytes:
            raise DatasetError(
                f"a shard of {shard.bytes:,} bytes does not go into the cache {self.folder}, which "
                f"may hold {self.max_bytes:,}: raise --cache_gb"
            )
        soon = self._prefetcher.requested() if self._prefetcher is not None else set()
        deadline = time.monotonic() + (patience or 0.0)
        while True:
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                limit = self.max_bytes - shard.bytes
                if self._evict_down_to(limit, soon, may_take_them=patience is not None):
                    _reserve(descriptor, shard.bytes, self.folder)
                    return
            finally:
                os.close(lock)
            if time.monotonic() >= deadline:
                raise CacheFullError(
                    f"no room for a shard of {shard.bytes:,} bytes in the cache {self.folder}: it "
                    f"may hold {self.max_bytes:,} bytes, and all it holds is being read; raise "
                    f"--cache_gb, or lower --window_shards"
                )
            for reader in list(self._readers):
                reader.let_go()
            ask_for_room(self.folder)
            time.sleep(_POLL_SECONDS)

    def _evict_down_to(self, limit: int, soon: Collection[str], *, may_take_them: bool) -> bool:
        """Remove the shards opened longest ago until `limit` bytes are left; False if they stay.

        Those that will be read soon come last.
        """
        files = _files(self.folder)
        used = sum(file.size for file in files)
        for file in sorted(files, key=lambda each: (each.path.stem in soon, each.opened)):
            if used <= limit or (file.path.stem in soon and not may_take_them):
                break
            if file.path.suffix == ".arrow" and remove_unless_locked(file.path):
                used -= file.size
        return used <= limit

    def _get_ready(self) -> None:
        """Make the folder, and remove what dead processes left; once in each process."""
        if self._process != os.getpid():  # Locks and threads stay behind in a fork.
            self._begin()
        if self._listener is not None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatasetError(
                f"cannot make the cache folder {self.folder}: {error.strerror}; give another "
                f"--cache_folder"
            ) from error
        for part in self.folder.glob("*.part"):
            remove_unless_locked(part)
        self._listener = RoomListener(self.folder, self._readers)


class _File:
    """A file of the cache: its size in bytes, and when it was opened last."""

    def __init__(self, path: Path, status: os.stat_result) -> None:
        self.path = path
        self.size = status.st_size
        self.opened = status.st_mtime_ns


def _files(folder: Path) -> list[_File]:
    found = []
    for path in folder.iterdir():
        if path.suffix in (".arrow", ".part"):
            try:
                found.append(_File(path, path.stat()))
            except FileNotFoundError:  # Removed or renamed by another process since.
                continue
    return found


def _reserve(descriptor: int, size: int, folder: Path) -> None:
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:  # macOS: the size counts, but the disk may still turn out full.
            os.ftruncate(descriptor, size)
    except OSError as error:
        raise DatasetError(
            f"the disk of the cache {folder} has no room for a shard of {size:,} bytes "
            f"({error.strerror}): free some, or give another --cache_folder"
        ) from error
