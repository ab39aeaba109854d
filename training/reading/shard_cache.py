"""Remote shards in a folder of this machine, bounded in size and shared by all its processes.

    FOLDER/<sha256>.arrow     a whole shard, checked; its name says its content
    FOLDER/<sha256>.part      one that a process is downloading
    FOLDER/.lock              held while room is made

Processes meet in file locks (`flock`), which the system gives back when a process dies, however it
dies. Who downloads holds the `.part` exclusively: another process that wants the shard waits until
the shard is there, or the lock is free. Who reads a shard holds it shared: only a shard that nobody
holds is removed to make room, the one opened longest ago first. A `.part` that nobody holds was
left by a dead process; the next one that starts removes it.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Any

from training.reading.download import download
from training.reading.prefetch import Prefetcher
from transforms.functional.dataset.manifest import ShardEntry
from transforms.functional.errors import DatasetError

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
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.folder = Path(folder) if folder is not None else home / "review-shards"
        self.max_bytes = max_bytes
        self._held: dict[str, int] = {}
        self._prefetcher: Prefetcher | None = None
        self._is_ready = False

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to this process: locks and its thread."""
        return {"folder": self.folder, "max_bytes": self.max_bytes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew in another process."""
        vars(self).update(vars(ShardCache(state["folder"], max_bytes=state["max_bytes"])))

    def fetch(self, url: str, shard: ShardEntry, *, patient: bool = True) -> Path:
        """Return a shard's file, and hold it until `release`.

        Args:
            url: Where the shard is.
            shard: What the manifest says of it.
            patient: Wait for room that other processes may give.

        Raises:
            CacheFullError: everything in the cache is being read.
            DatasetError: the shard is gone or damaged, or the disk is full.
        """
        self._get_ready()
        path = self.folder / f"{shard.sha256}.arrow"
        if shard.sha256 in self._held:
            return path
        while True:
            held = _open_locked(path, fcntl.LOCK_SH)
            if held is not None:
                self._held[shard.sha256] = held
                os.utime(path)  # The time by which the oldest is known.
                return path
            self._download(url, shard, _PATIENCE_SECONDS if patient else 0.0)

    def release(self, shard: ShardEntry) -> None:
        """Let a shard go: it may be removed when room is needed."""
        held = self._held.pop(shard.sha256, None)
        if held is not None:
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

    def fetch_ahead(self, shards: list[tuple[str, ShardEntry]]) -> None:
        """Download shards in the background, as far as there is room; replaces earlier requests.

        Args:
            shards: Where each shard is, and what the manifest says of it.
        """
        self._get_ready()
        if self._prefetcher is None or not self._prefetcher.is_of_this_process():
            self._prefetcher = Prefetcher(self._download_if_room)
        self._prefetcher.request(shards)

    def _download_if_room(self, url: str, shard: ShardEntry) -> None:
        if not (self.folder / f"{shard.sha256}.arrow").exists():
            self._download(url, shard, 0.0)

    def _download(self, url: str, shard: ShardEntry, patience: float) -> None:
        """Make sure that a shard is in the folder; it may be removed again at once."""
        final = self.folder / f"{shard.sha256}.arrow"
        part = self.folder / f"{shard.sha256}.part"
        descriptor = None
        while descriptor is None:
            if final.exists():
                return
            # Not a lock that blocks: the file that another process downloads becomes the shard,
            # and whoever reads that holds it for long.
            descriptor = _try_lock(part)
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

    def _make_room(self, descriptor: int, shard: ShardEntry, patience: float) -> None:
        """Remove shards that nobody reads, and give the `.part` its size, so that it counts."""
        if shard.bytes > self.max_bytes:
            raise DatasetError(
                f"a shard of {shard.bytes:,} bytes does not go into the cache {self.folder}, which "
                f"may hold {self.max_bytes:,}: raise --cache_gb"
            )
        deadline = time.monotonic() + patience
        while True:
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._evict_down_to(self.max_bytes - shard.bytes):
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
            time.sleep(_POLL_SECONDS)

    def _evict_down_to(self, limit: int) -> bool:
        """Remove the shards opened longest ago until `limit` bytes are left; False if they stay."""
        files = _files(self.folder)
        used = sum(file.size for file in files)
        for file in sorted(files, key=lambda each: each.opened):
            if used <= limit:
                break
            if file.path.suffix == ".arrow" and _remove_unless_locked(file.path):
                used -= file.size
        return used <= limit

    def _get_ready(self) -> None:
        """Make the folder, and remove what dead processes left."""
        if self._is_ready:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatasetError(
                f"cannot make the cache folder {self.folder}: {error.strerror}; give another "
                f"--cache_folder"
            ) from error
        for part in self.folder.glob("*.part"):
            _remove_unless_locked(part)
        self._is_ready = True


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


def _try_lock(part: Path) -> int | None:
    """Open a `.part` for oneself, a new one if need be; None while another process has it."""
    try:
        return _open_locked(part, fcntl.LOCK_EX | fcntl.LOCK_NB, os.O_RDWR | os.O_CREAT)
    except BlockingIOError:
        return None


def _open_locked(path: Path, kind: int, flags: int = os.O_RDONLY) -> int | None:
    """Open and lock a file; None where there is none, or it was removed or renamed meanwhile."""
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, kind)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _remove_unless_locked(path: Path) -> bool:
    try:
        descriptor = _open_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if descriptor is not None:
        path.unlink(missing_ok=True)
        os.close(descriptor)
    return True


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
