"""One remote shard into one local file, checked."""

from __future__ import annotations

import hashlib
import os
from typing import IO

from transforms import storage
from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.errors import DatasetError, ReviewShardsError

_CHUNK_BYTES = 4 << 20


def download(url: str, shard: ShardEntry, descriptor: int) -> None:
    """Write a shard into an open file; fetched a second time if it comes damaged.

    Args:
        descriptor: The open file.

    Raises:
        DatasetError: it is gone, cannot be read, was damaged twice, or the disk is full.
    """
    for _ in range(2):
        if _fetch(url, descriptor) == shard.sha256:
            os.fsync(descriptor)
            return
    raise DatasetError(
        f"shard {url} is damaged: its sha256 is not the one in the manifest, also when fetched "
        f"again; make the dataset again with --overwrite"
    )


def _fetch(url: str, descriptor: int) -> str:
    """Copy the shard, and return the sha256 of what came."""
    try:
        with storage.open_input(url) as source:
            return _copy(source, descriptor, url)
    except DatasetError:
        raise
    except ReviewShardsError as error:
        if storage.exists(url):
            raise DatasetError(f"shard {url} cannot be fetched: {error}") from error
        raise DatasetError(
            f"shard {url} is gone: make the dataset again, with the same command; it keeps the "
            f"shards that are there"
        ) from None


def _copy(source: IO[bytes], descriptor: int, url: str) -> str:
    digest = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        _write(descriptor, chunk, url)
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
