"""Files by path or URL, through fsspec: the one place that opens, writes and lists."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from transforms.functional.errors import InputError, OutputError


def join(folder: str, *names: str) -> str:
    """Return a path below a folder, local or URL."""
    return "/".join([folder.rstrip("/"), *names])


@contextmanager
def open_input(path: str) -> Iterator[IO[bytes]]:
    """Open an input file for reading.

    Raises:
        InputError: it is not there any more, or cannot be opened.
    """
    try:
        filesystem, name = fsspec.core.url_to_fs(path)
        stream = filesystem.open(name, "rb")
    except FileNotFoundError:
        raise InputError(
            f"{path}: vanished since the job was planned; put it back, or start the job again"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {_why(error)}") from error
    with stream:
        yield cast("IO[bytes]", stream)


def read_bytes(path: str) -> bytes:
    """Return a file's bytes; `FileNotFoundError` where there is none."""
    filesystem, name = fsspec.core.url_to_fs(path)
    return cast(bytes, filesystem.cat_file(name))


def exists(path: str) -> bool:
    """Return True when a file or folder is there."""
    filesystem, name = fsspec.core.url_to_fs(path)
    return bool(filesystem.exists(name))


def is_local(path: str) -> bool:
    """Return True for paths of this machine's file system."""
    return isinstance(fsspec.core.url_to_fs(path)[0], LocalFileSystem)


def write_atomic(path: str, data: bytes) -> None:
    """Write a file so that a reader sees all of it or none.

    Locally: a temporary file beside it, fsync, rename. In an object store: one PUT (or one
    completed multipart upload), which is atomic there.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        filesystem, name = fsspec.core.url_to_fs(path)
        if isinstance(filesystem, LocalFileSystem):
            _write_local(Path(name), data)
        else:
            filesystem.pipe_file(name, data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_why(error)}") from error


def _write_local(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    temporary.unlink(missing_ok=True)  # Left by a killed process that had our number.
    try:
        # "x" never follows a link that somebody put there.
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove(path: str) -> None:
    """Remove a file or a folder with all that is in it; nothing there is fine.

    Raises:
        OutputError: it cannot be removed.
    """
    filesystem, name = fsspec.core.url_to_fs(path)
    try:
        if filesystem.exists(name):
            filesystem.rm(name, recursive=True)
    except OSError as error:
        raise OutputError(f"cannot remove {path}: {_why(error)}") from error


def _why(error: OSError) -> str:
    return error.strerror or " ".join(str(error).split()) or type(error).__name__
