"""Reading files by path or URL: whole, as a stream, or many small ones at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.local import LocalFileSystem

from transforms.functional.errors import BadInputError, InputError, ReviewShardsError
from transforms.storage.paths import locate
from transforms.storage.range_reader import RangeReader, gives_ranges
from transforms.storage.stores import (
    ATTEMPTS,
    ask,
    ask_once,
    hidden_cause,
    may_pass,
    reason,
    retrying,
    wait,
)
from transforms.storage.versions import (
    SmallFile,
    get_many,
    is_version,
    local_version,
    version_of,
)


class _Opened(NamedTuple):
    """A file as a stream, and how to see what it is now.

    `bytes` and `version` are those at opening; None and empty where nobody knows.
    """

    stream: IO[bytes]
    bytes: int | None
    version: str
    look: Callable[[], tuple[int | None, str]]


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
        path: Path or URL.
        planned_bytes: Its size when the job was planned.
        planned_version: Its version then; empty where nobody knows.
        stop: Where reading will stop; a store is asked for little more than that.
        ahead: True where it is read from start to end: a store is asked before bytes are needed.

    Raises:
        InputError: it is not there any more, has changed since the job was planned or while it was
            read, or cannot be opened.
    """
    try:
        filesystem, name = locate(path)
        opened = _open(filesystem, name, planned_version, stop, ahead)
    except FileNotFoundError as error:
        if hidden_cause(error) is not None:
            raise _input_error(path, error) from error
        raise vanished(path) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {reason(error)}") from error
    except Exception as error:
        raise _input_error(path, error) from error
    with opened.stream:
        if planned_bytes is not None and opened.bytes is not None and opened.bytes != planned_bytes:
            raise changed(path, opened.bytes, planned_bytes)
        if not is_version(planned_version, opened.version):
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
        now = opened.look()
    except FileNotFoundError:
        raise vanished(path) from None
    except Exception as error:
        raise _input_error(path, error) from error
    if now != (opened.bytes, opened.version):
        raise BadInputError(
            f"{path}: changed while it was read; start the job again once nobody writes to it"
        )


def _open(
    filesystem: AbstractFileSystem, name: str, version: str, stop: int | None, ahead: bool
) -> _Opened:
    if isinstance(filesystem, LocalFileSystem):
        return _open_local(filesystem, name)
    info = ask(filesystem, "info", name)
    size = info.get("size")

    def look() -> tuple[int | None, str]:
        now = ask(filesystem, "info", name)
        return now.get("size"), version_of(now)

    # A web server that knows no ranges gives all or nothing.
    if size is None or not gives_ranges(filesystem, name, info):
        stream = _whole_in_temporary_file(filesystem, name)
        return _Opened(stream, size, version_of(info), look)
    now = version_of(info)
    reader = RangeReader(filesystem, name, size, version=now, stop=stop, ahead=ahead)
    return _Opened(cast("IO[bytes]", reader), size, now, look)


def _open_local(filesystem: AbstractFileSystem, name: str) -> _Opened:
    stream = cast("IO[bytes]", filesystem.open(name, "rb"))
    status = os.fstat(stream.fileno())

    def look() -> tuple[int | None, str]:
        now = Path(name).stat()
        return now.st_size, local_version(now)

    return _Opened(stream, status.st_size, local_version(status), look)


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


def read_small_files(
    paths: Sequence[str], sizes: Sequence[int], versions: Sequence[str]
) -> Iterator[bytes]:
    """Return the bytes of small files of one remote store, fetched by concurrent requests.

    Args:
        paths: URLs, together small enough for memory.
        sizes: Their bytes when the job was planned.
        versions: Their versions then; empty where nobody knows.

    Raises:
        InputError: one is gone, has changed, or cannot be read.
    """
    filesystem = locate(paths[0])[0]
    names = [locate(path)[1] for path in paths]
    found: list[Any] = [None] * len(names)
    missing = list(range(len(names)))
    for attempt in range(1, ATTEMPTS + 1):
        asked = [SmallFile(names[i], sizes[i], versions[i]) for i in missing]
        results = _fetch_all(filesystem, asked)
        for i, result in zip(missing, results, strict=True):
            found[i] = result
        missing = [i for i in missing if _try_again(found[i], sizes[i])]
        if not missing or attempt == ATTEMPTS:
            break
        wait(attempt)
    for path, size, result in zip(paths, sizes, found, strict=True):
        if isinstance(result, FileNotFoundError):
            raise vanished(path)
        if isinstance(result, InputError):
            raise type(result)(f"{path}: {result}")
        if isinstance(result, BaseException):
            raise _input_error(path, result) from result
        if len(result) != size:
            raise changed(path, len(result), size)
        yield result


def _try_again(result: Any, size: int) -> bool:
    if isinstance(result, BaseException):
        return may_pass(result)
    return len(result) < size


def _fetch_all(
    filesystem: AbstractFileSystem, asked: Sequence[SmallFile]
) -> list[bytes | BaseException]:
    if isinstance(filesystem, AsyncFileSystem):
        return get_many(filesystem, asked)

    def fetch(name: str) -> bytes | BaseException:
        try:
            return cast(bytes, filesystem.cat_file(name))
        except Exception as error:
            return error

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(fetch, [file.name for file in asked]))


def read_bytes(path: str) -> bytes:
    """Return a file's bytes; `FileNotFoundError` where there is none.

    Raises:
        InputError: the store does not give them.
    """
    filesystem, name = locate(path)
    try:
        return cast(bytes, ask(filesystem, "cat_file", name))
    except FileNotFoundError:
        raise
    except Exception as error:
        raise _input_error(path, error) from error


def info_of(path: str) -> dict[str, Any] | None:
    """Return what the file system says of a file or folder; None where nothing is there.

    Raises:
        InputError: the store does not say.
    """
    filesystem, name = locate(path)
    try:
        return cast("dict[str, Any]", ask(filesystem, "info", name))
    except (FileNotFoundError, NotADirectoryError) as error:
        if hidden_cause(error) is None:
            return None
        raise _input_error(path, error) from error
    except Exception as error:
        raise _input_error(path, error) from error


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
    try:
        found = ask(filesystem, "find", name, maxdepth=None if recursive else 1)
    except FileNotFoundError:
        return []
    except Exception as error:
        raise _input_error(folder, error) from error
    prefix = name.rstrip("/") + "/"
    return sorted(path[len(prefix) :] for path in found if path.startswith(prefix))


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
    try:
        found = ask(filesystem, "find", name, detail=True)
    except FileNotFoundError:
        return {}
    except Exception as error:
        raise _input_error(folder, error) from error
    prefix = name.rstrip("/") + "/"
    return {path.removeprefix(prefix): info["size"] for path, info in found.items()}


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


def _input_error(path: str, error: BaseException) -> ReviewShardsError:
    if isinstance(error, ReviewShardsError):
        return error
    if cause := hidden_cause(error):
        return InputError(
            f"{path}: the server does not answer as it should: {reason(cause)}; check the URL, or "
            f"start the job again once it does"
        )
    return InputError(f"{path}: cannot be read: {reason(error)}")
