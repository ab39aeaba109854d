"""The folder of the user's cache, and files that are put there and read as a whole."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

_DIGEST_BYTES = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Return `review-shards` in the user's cache folder.

    Raises:
        RuntimeError: the user has no home.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "review-shards")


def keep(path: Path, data: bytes) -> None:
    """Put a file in its place at once, for this user alone, with a hash that tells damage.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number, written = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        Path(written).replace(path)
    except BaseException:
        Path(written).unlink(missing_ok=True)
        raise


def read_kept(path: Path) -> bytes:
    """Return what `keep` was given.

    Raises:
        OSError: there is no such file, it is damaged, or another user wrote it.
    """
    with path.open("rb") as file:
        owner = os.fstat(file.fileno()).st_uid
        content = file.read()
    if owner != os.getuid():
        raise PermissionError(f"{path} belongs to another user")
    digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest:
        raise OSError(f"{path} is damaged")
    return data
