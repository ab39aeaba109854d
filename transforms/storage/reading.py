"""Reading files by path or URL, whole or as a stream, and listing folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from transforms.functional.errors import BadInputError, InputError, ReviewShardsError
from transforms.storage.paths import locate
from transforms.storage.range_reader import RangeReader, gives_ranges
from transforms.storage.stores import ask, ask_once, hidden_cause, reason, retrying
from transforms.storage.versions import is_version, local_version, version_of

# Size and version of a file; None and empty where nobody knows.
_State = tuple[int | None, str]


class _Opened(NamedTuple):
    """A file as a stream, what it was at opening, and how to see what it is now."""

    stream: IO[bytes]
    state: _State
    look: Callable[[], _State]


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Make an `InputError` of what a store raises, unless it says that nothing is there."""
    try:
        yield
    except NotADirectoryError as error:  # It would lie in a file.
        raise FileNotFoundError(path) from error
    except FileNotFoundError as error:
        if hidden_cause(error) is None:
            raise
        raise input_error(path, error) from error
    except Exception as error:
        raise input_error(path, error) from error


@contextmanager
def open_input(
    path: str,
    planned_bytes: int | None = None,
    planned_version: str = "",
    *,
    stop: int | None = None,
    ahead: bool = True,
) -> Iterator[IO[bytes]]:
    """Open an input file for reading; at its end it must be what it was at its beginning.

    Args:
        planned_bytes: Its size when the job was planned.
        planned_version: Its version then; empty where nobody knows.
        stop: Where reading will stop; a store is asked for little more than that.
        ahead: True where it is read from start to end: a store is asked before bytes are needed.

    Raises:
        InputError: it is not there any more, has changed since the job was planned or while it was
            read, or cannot be opened.
    """
    try:
        with _reading(path):
            opened = _open(*locate(path), planned_version, stop, ahead)
    except FileNotFoundError:
        raise vanished(path) from None
    n_bytes, version = opened.state
    with opened.stream:
        if planned_bytes is not None and n_bytes is not None and n_bytes != planned_bytes:
            raise changed(path, n_bytes, planned_bytes)
        if not is_version(planned_version, version):
            raise BadInputError(
                f"{path}: has changed since the job was planned; start the job again"
            )
        try:
            yield opened.stream
        except Exception:  # What does not look like damage may be half of another version.
            _check_same(path, opened)
            raise
        _check_same(path, opened)


def _check_same(path: str, opened: _Opened) -> None:
    """Raise `InputError` where a file is not any more what it was when it was opened."""
    try:
        with _reading(path):
            now = opened.look()
    except FileNotFoundError:
        raise vanished(path) from None
    if now != opened.state:
        raise BadInputError(
            f"{path}: changed while it was read; start the job again once nobody writes to it"
        )


def _open(
    filesystem: AbstractFileSystem, name: str, version: str, stop: int | None, ahead: bool
) -> _Opened:
    if isinstance(filesystem, LocalFileSystem):
        return _open_local(filesystem, name)
    info = ask(filesystem, "info", name)
    size, now = info.get("size"), version_of(info)

    def look() -> _State:
        info = ask(filesystem, "info", name)
        return info.get("size"), version_of(info)

    # A web server that knows no ranges gives all or nothing.
    if size is None or not gives_ranges(filesystem, name, info):
        return _Opened(_whole_in_temporary_file(filesystem, name), (size, now), look)
    reader = RangeReader(filesystem, name, size, version=now, stop=stop, ahead=ahead)
    return _Opened(cast("IO[bytes]", reader), (size, now), look)


def _open_local(filesystem: AbstractFileSystem, name: str) -> _Opened:
    stream = cast("IO[bytes]", filesystem.open(name, "rb"))
    status = os.fstat(stream.fileno())

    def look() -> _State:
        now = Path(name).stat()
        return now.st_size, local_version(now)

    return _Opened(stream, (status.st_size, local_version(status)), look)


def _whole_in_temporary_file(filesystem: AbstractFileSystem, name: str) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it

    def fetch() -> None:
        file.seek(0)
        file.truncate()
        ask_once(filesystem, "get_file", name, file)

    retrying(fetch)
    file.seek(0)
    return cast("IO[bytes]", file)


def vanished(path: str) -> InputError:
    """Return the error for an input that is not there any more."""
    return InputError(
        f"{path}: vanished since the job was planned; put it back, or start the job again"
    )


def changed(path: str, size: int, planned_bytes: int) -> InputError:
    """Return the error for an input that has another size than when the job was planned."""
    return BadInputError(
        f"{path}: has {size} bytes, but had {planned_bytes} when the job was planned; "
        f"start the job again"
    )


def read_bytes(path: str) -> bytes:
    """Return a file's bytes; `FileNotFoundError` where there is none.

    Raises:
        InputError: the store does not give them.
    """
    filesystem, name = locate(path)
    with _reading(path):
        return cast(bytes, ask(filesystem, "cat_file", name))


def read_if_there(path: str) -> bytes | None:
    """Return a file's bytes, None where there is none; see `read_bytes`."""
    try:
        return read_bytes(path)
    except FileNotFoundError:
        return None


def info_of(path: str) -> dict[str, Any] | None:
    """Return what the file system says of a file or folder; None where nothing is there.

    Raises:
        InputError: the store does not say.
    """
    filesystem, name = locate(path)
    try:
        with _reading(path):
            return cast("dict[str, Any]", ask(filesystem, "info", name))
    except FileNotFoundError:
        return None


def exists(path: str) -> bool:
    """Return True when a file or folder is there."""
    return info_of(path) is not None


def list_files(folder: str, *, recursive: bool = True) -> list[str]:
    """Return the paths of the files in a folder, relative to it, sorted; none without it.

    Folders that are links are not looked into: what lies there belongs to somebody else.

    Raises:
        InputError: the store does not list it.
    """
    filesystem, name = locate(folder)
    if isinstance(filesystem, LocalFileSystem):
        return _list_local(Path(name), recursive)
    return sorted(_find(folder, maxdepth=None if recursive else 1))


def _list_local(folder: Path, recursive: bool) -> list[str]:
    found = []
    for parent, folders, names in os.walk(folder, onerror=_raise_unless_missing):
        below = Path(parent).relative_to(folder)
        found += [(below / name).as_posix() for name in names]
        if not recursive:
            folders.clear()
    return sorted(found)


def file_sizes(folder: str) -> dict[str, int]:
    """Return the sizes in bytes of the files in a folder and below, by their paths in it.

    Raises:
        InputError: the store does not list it.
    """
    filesystem, name = locate(folder)
    if isinstance(filesystem, LocalFileSystem):
        return {below: Path(name, below).stat().st_size for below in _list_local(Path(name), True)}
    return {path: info["size"] for path, info in _find(folder, detail=True).items()}


def _find(folder: str, **options: Any) -> dict[str, Any]:
    """Return the files in a folder of a store, by their paths in it; nothing without it.

    With `detail`, which costs more in some stores, it says what the store says of each.
    """
    filesystem, name = locate(folder)
    prefix = name.rstrip("/") + "/"
    try:
        with _reading(folder):
            found = ask(filesystem, "find", name, **options)
    except FileNotFoundError:
        return {}
    files = found if isinstance(found, dict) else dict.fromkeys(found)
    return {path[len(prefix) :]: info for path, info in files.items() if path.startswith(prefix)}


def linked_folders(folder: str) -> list[str]:
    """Return the folders in a folder of this machine that are links; a store has none."""
    filesystem, name = locate(folder)
    if not isinstance(filesystem, LocalFileSystem):
        return []
    return [
        str(path)
        for parent, folders, _ in os.walk(name, onerror=_raise_unless_missing)
        for path in (Path(parent, below) for below in folders)
        if path.is_symlink()
    ]


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise InputError(f"{error.filename}: cannot be listed: {reason(error)}") from error


def input_error(path: str, error: BaseException) -> ReviewShardsError:
    """Return the error for what cannot be read, whatever its store raised."""
    if isinstance(error, ReviewShardsError):
        return error
    if cause := hidden_cause(error):
        return InputError(
            f"{path}: the server does not answer as it should: {reason(cause)}; check the URL, or "
            f"start the job again once it does"
        )
    return InputError(f"{path}: cannot be read: {reason(error)}")
