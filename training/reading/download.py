"""One remote shard into one local file, checked."""

from __future__ import annotations

import hashlib
import os

from training.reading.manifest_source import Location
from transforms.functional.dataset.manifest import ShardEntry
from transforms.functional.errors import DatasetError

_CHUNK_BYTES = 4 << 20


def download(location: Location, shard: ShardEntry, descriptor: int) -> None:
    """Write a shard into an open file; fetched a second time if it comes damaged.

    Raises:
        DatasetError: it is gone, cannot be read, was damaged twice, or the disk is full.
    """
    url = f"{location.url.rstrip('/')}/{shard.path}"
    for _ in range(2):
        if _copy(location, shard, descriptor, url) == shard.sha256:
            os.fsync(descriptor)
            return
    raise DatasetError(
        f"shard {url} is damaged: its sha256 is not the one in the manifest, also when fetched "
        f"again; make the dataset again with --overwrite"
    )


def _copy(location: Location, shard: ShardEntry, descriptor: int, url: str) -> str:
    """Copy the shard, and return the sha256 of what came."""
    digest = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        with location.filesystem.open(location.path(shard.path), "rb") as source:
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
                _write(descriptor, chunk, url)
    except FileNotFoundError:
        raise DatasetError(
            f"shard {url} is gone: make the dataset again, with the same command; it keeps the "
            f"shards that are there"
        ) from None
    except DatasetError:
        raise
    except Exception as error:  # Each file system has exceptions of its own.
        why = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(f"shard {url} cannot be fetched: {why[:300]}") from error
    os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR))
    return digest.hexdigest()


def _write(descriptor: int, data: bytes, url: str) -> None:
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise DatasetError(
            f"cannot keep shard {url} in the cache: {error.strerror}; free disk, or give another "
            f"--cache_folder"
        ) from error
