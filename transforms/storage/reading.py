"""Reading files by path or URL: whole, as a stream, or many small ones at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, Any, cast

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.local import LocalFileSystem

from transforms.functional.errors import InputError, ReviewShardsError
from transforms.storage.paths import locate
from transforms.storage.range_reader import RangeReader
from transforms.storage.stores import ATTEMPTS, CONCURRENCY, ask, may_pass, reason, wait


@contextmanager
def open_input(
    path: str, planned_bytes: int | None = None, *, stop: int | None = None, ahead: bool = True
) -> Iterator[IO[bytes]]:
    """Open an input file for reading.

    Args:
        path: Path or URL.
        planned_bytes: Its size when the job was planned.
        stop: Where reading will stop; a store is asked for little more than that.
        ahead: True where it is read from start to end: a store is asked before bytes are needed.

    Raises:
        InputError: it is not there any more, has not `planned_bytes` any more, or cannot be opened.
    """
    try:
        filesystem, name = locate(path)
        stream, size = _open(filesystem, name, stop, ahead)
    except FileNotFoundError:
        raise vanished(path) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {reason(error)}") from error
    except Exception as error:
        raise _input_error(path, error) from error
    with stream:
        if planned_bytes is not None and size is not None and size != planned_bytes:
            raise changed(path, size, planned_bytes)
        yield stream


def _open(
    filesystem: AbstractFileSystem, name: str, stop: int | None, ahead: bool
) -> tuple[IO[bytes], int | None]:
    """Return a file as a stream, and its size where that is known."""
    if isinstance(filesystem, LocalFileSystem):
        stream = filesystem.open(name, "rb")
        return cast("IO[bytes]", stream), getattr(stream, "size", None)
    info = ask(filesystem, "info", name)
    size = info.get("size")
    # A web server that knows no ranges gives all or nothing.
    if size is None or info.get("partial") is False:
        return _whole_in_temporary_file(filesystem, name), size
    return cast("IO[bytes]", RangeReader(filesystem, name, size, stop=stop, ahead=ahead)), size


def _whole_in_temporary_file(filesystem: AbstractFileSystem, name: str) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(ask(filesystem, "cat_file", name))
    file.seek(0)
    return cast("IO[bytes]", file)


def vanished(path: str) -> InputError:
    """Return the error for an input that is not there any more."""
    return InputError(
        f"{path}: vanished since the job was planned; put it back, or start the job again"
    )


def changed(path: str, size: int, planned_bytes: int) -> InputError:
    """Return the error for an input that has another size than when the job was planned."""
    return InputError(
        f"{path}: has {size} bytes, but had {planned_bytes} when the job was planned; "
        f"start the job again"
    )


def read_small_files(paths: Sequence[str], sizes: Sequence[int]) -> Iterator[bytes]:
    """Return the bytes of small files of one remote store, fetched by concurrent requests.

    Args:
        paths: URLs, together small enough for memory.
        sizes: Their bytes when the job was planned.

    Raises:
        InputError: one is gone, has another size, or cannot be read.
    """
    filesystem = locate(paths[0])[0]
    names = [locate(path)[1] for path in paths]
    found: list[Any] = [None] * len(names)
    missing = list(range(len(names)))
    for attempt in range(1, ATTEMPTS + 1):
        results = _fetch_all(filesystem, [names[i] for i in missing], [sizes[i] for i in missing])
        for i, result in zip(missing, results, strict=True):
            found[i] = result
        missing = [i for i in missing if _try_again(found[i], sizes[i])]
        if not missing or attempt == ATTEMPTS:
            break
        wait(attempt)
    for path, size, result in zip(paths, sizes, found, strict=True):
        if isinstance(result, FileNotFoundError):
            raise vanished(path)
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
    filesystem: AbstractFileSystem, names: list[str], sizes: list[int]
) -> list[bytes | BaseException]:
    if isinstance(filesystem, AsyncFileSystem):
        # One byte more than there should be tells a file that has grown. An empty file has no
        # range at all.
        starts = [0 if size else None for size in sizes]
        ends = [size + 1 if size else None for size in sizes]
        options = {"on_error": "return", "batch_size": CONCURRENCY}
        found = ask(filesystem, "cat_ranges", names, starts, ends, **options)
        return cast("list[bytes | BaseException]", found)

    def fetch(name: str) -> bytes | BaseException:
        try:
            return cast(bytes, filesystem.cat_file(name))
        except Exception as error:
            return error

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(fetch, names))


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
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception as error:
        raise _input_error(path, error) from error


def exists(path: str) -> bool:
    """Return True when a file or folder is there."""
    return info_of(path) is not None


def list_files(folder: str, *, recursive: bool = True) -> list[str]:
    """Return the paths of the files in a folder, relative to it, sorted; none without it.

    Raises:
        InputError: the store does not list it.
    """
    filesystem, name = locate(folder)
    if isinstance(filesystem, LocalFileSystem) and not filesystem.isdir(name):
        return []
    try:
        found = ask(filesystem, "find", name, maxdepth=None if recursive else 1)
    except FileNotFoundError:
        return []
    except Exception as error:
        raise _input_error(folder, error) from error
    prefix = name.rstrip("/") + "/"
    return sorted(path[len(prefix) :] for path in found if path.startswith(prefix))


def _input_error(path: str, error: BaseException) -> ReviewShardsError:
    if isinstance(error, ReviewShardsError):
        return error
    return InputError(f"{path}: cannot be read: {reason(error)}")
