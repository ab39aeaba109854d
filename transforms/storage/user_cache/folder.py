"""The folder of the user's cache, and files that are put there as a whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """Return `review-shards` in the user's cache folder.

    Raises:
        RuntimeError: the user has no home.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "review-shards")


def keep(path: Path, data: bytes) -> None:
    """Put a file in its place at once, for this user alone.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number, written = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(number, "wb") as file:
        file.write(data)
    Path(written).replace(path)
