"""Files by path or URL, through fsspec: the one place that opens, writes and lists."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from transforms.functional.errors import InputError, OutputError


def join(folder: str, *names: str) -> str:
    """Return a path below a folder, local or URL."""
    return "/".join([folder.rstrip("/"), *names])


def locate(path: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a path or URL, and its name there."""
    # fsspec takes any "::" for one URL inside another, but files may be called so.
    if "://" not in path:
        path = f"file://{path}"
        return LocalFileSystem(), LocalFileSystem._strip_protocol(path)
    return cast("tuple[AbstractFileSystem, str]", fsspec.core.url_to_fs(path))


def real_path(path: str) -> str:
    """Return the one name of a folder: absolute, links followed; a URL as it is listed."""
    filesystem, name = locate(path)
    if isinstance(filesystem, LocalFileSystem):
        return os.path.realpath(name)
    return str(filesystem.unstrip_protocol(name)).rstrip("/")


@contextmanager
def open_input(path: str, planned_bytes: int | None = None) -> Iterator[IO[bytes]]:
    """Open an input file for reading.

    Raises:
        InputError: it is not there any more, has not `planned_bytes` any more, or cannot be opened.
    """
    try:
        filesystem, name = locate(path)
        stream = filesystem.open(name, "rb")
    except FileNotFoundError:
        raise InputError(
            f"{path}: vanished since the job was planned; put it back, or start the job again"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {_why(error)}") from error
    with stream:
        size = getattr(stream, "size", None)
        if planned_bytes is not None and size is not None and size != planned_bytes:
            raise InputError(
                f"{path}: has {size} bytes, but had {planned_bytes} when the job was planned; "
                f"start the job again"
            )
        yield cast("IO[bytes]", stream)


def read_bytes(path: str) -> bytes:
    """Return a file's bytes; `FileNotFoundError` where there is none."""
    filesystem, name = locate(path)
    return cast(bytes, filesystem.cat_file(name))


def exists(path: str) -> bool:
    """Return True when a file or folder is there."""
    filesystem, name = locate(path)
    return bool(filesystem.exists(name))


def is_local(path: str) -> bool:
    """Return True for paths of this machine's file system."""
    return isinstance(locate(path)[0], LocalFileSystem)


def write_atomic(path: str, data: bytes) -> None:
    """Write a file so that a reader sees all of it or none.

    Locally: a temporary file beside it, fsync, rename. In an object store: one PUT (or one
    completed multipart upload), which is atomic there.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        filesystem, name = locate(path)
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


def list_files(folder: str, *, recursive: bool = True) -> list[str]:
    """Return the paths of the files in a folder, relative to it, sorted; none without it."""
    filesystem, name = fsspec.core.url_to_fs(folder)
    if not filesystem.isdir(name):
        return []
    found = filesystem.find(name, maxdepth=None if recursive else 1)
    return sorted(path[len(name.rstrip("/")) + 1 :] for path in found)


def remove(path: str) -> None:
    """Remove a file or a folder with all that is in it; nothing there is fine.

    Raises:
        OutputError: it cannot be removed.
    """
    filesystem, name = locate(path)
    try:
        if filesystem.exists(name):
            filesystem.rm(name, recursive=True)
    except OSError as error:
        raise OutputError(f"cannot remove {path}: {_why(error)}") from error


def _why(error: OSError) -> str:
    return error.strerror or " ".join(str(error).split()) or type(error).__name__
