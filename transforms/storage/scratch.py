"""Scratch files: what one run keeps on this machine's disk instead of in its memory.

They lie in a folder of the run where `TMPDIR` says, as those of `sort` do, and go with the run.
What a killed run left goes with the next one: a run holds a lock on its folder while it lives.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

from transforms.functional.cleanup import cleaning_up
from transforms.functional.errors import OutputError
from transforms.storage.stores import reason

_PREFIX = "review-shards-"
_LOCK = "lock"

# Where something lies in a folder of scratch files: name of the file, first byte, number of bytes.
Place = tuple[str, int, int]


@contextmanager
def scratch_folder() -> Iterator[str]:
    """Make a folder for the scratch files of this run; it goes whatever comes of the block.

    Raises:
        OutputError: it cannot be made.
    """
    parent = scratch_parent()
    _remove_left(parent)
    with _scratch_errors(parent):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    with cleaning_up(partial(_remove, folder)), _locked(folder):
        yield str(folder)


def scratch_parent() -> Path:
    """Return the folder in which runs have their scratch files."""
    return Path(tempfile.gettempdir())


def write_scratch(folder: str, name: str, pieces: Iterable[bytes]) -> list[Place]:
    """Write pieces to a file, one after the other, and return where each of them is.

    Written twice, as a step that is tried again does, the file is replaced as a whole.

    Raises:
        OutputError: it cannot be written.
    """
    path = Path(folder, name)
    places: list[Place] = []
    with _scratch_errors(path):
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            for piece in pieces:
                places.append((name, file.tell(), file.write(piece)))
        Path(file.name).replace(path)
    return places


def read_scratch(folder: str, place: Place) -> bytes:
    """Return what lies at a place.

    Raises:
        OutputError: it is gone.
    """
    name, first, n_bytes = place
    path = Path(folder, name)
    with _scratch_errors(path), path.open("rb", buffering=0) as file:
        data = os.pread(file.fileno(), n_bytes, first)
        if len(data) != n_bytes:
            raise OSError(f"{len(data)} bytes instead of {n_bytes} at {first}")
        return data


@contextmanager
def _scratch_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"scratch file {path}: {reason(error)}: set TMPDIR to a folder with more room that "
            f"nobody cleans up meanwhile"
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is there from the first moment on that its file is."""
    unborn = folder / f"{_LOCK}.new"
    with unborn.open("wb") as file:
        _lock(file)
        unborn.replace(folder / _LOCK)
        yield


def _lock(file: IO[bytes]) -> None:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_left(parent: Path) -> None:
    """Remove the folders of runs that have ended."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        # Its run lives, has just removed it, or is somebody else's.
        with suppress(OSError, OutputError), lock.open("r+b") as file:
            _lock(file)
            _remove(lock.parent)


def _remove(folder: Path) -> None:
    """Remove a folder in which threads and workers may still write.

    Under another name first: what they write from then on, they cannot put there.
    """
    gone = folder.with_name(f"{folder.name}.gone")
    try:
        folder.replace(gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise OutputError(f"cannot remove scratch folder {gone}: {reason(error)}") from error
