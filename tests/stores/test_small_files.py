"""Many small files cost as many requests, but not as many waits."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import pytest

from tests.ports import free_port
from tests.stores.servers import ROOT, Store, in_environment, s3_environment, serving
from tests.stores.slow_store import BODY
from transforms import storage
from transforms.functional.errors import InputError
from transforms.functional.readers.file_range import FileRange
from transforms.storage.input_files import open_files


def _files(n: int, size: int = len(BODY)) -> list[FileRange]:
    return [
        FileRange(source=i, path=f"s3://bucket/small/{i}.txt", format="text", bytes=size)
        for i in range(n)
    ]


@pytest.mark.slow
def test_small_files_are_read_20_times_faster_than_one_by_one() -> None:
    port, latency = free_port(), 0.1
    command = [sys.executable, "-m", "tests.stores.slow_store", str(port), str(latency)]
    with serving(command, port, ROOT), in_environment(s3_environment(port)):
        list(open_files(_files(8)))  # The first request sets the client up.
        started = time.perf_counter()
        for file in _files(10):
            with storage.open_input(file.path, file.bytes) as stream:
                assert stream.read() == BODY
        one_by_one = (time.perf_counter() - started) / 10
        started = time.perf_counter()
        assert all(stream.read() == BODY for _, stream in open_files(_files(2000)))
        together = (time.perf_counter() - started) / 2000
    print(f"{one_by_one * 1e3:.1f} ms a file one by one, {together * 1e3:.2f} ms together")
    assert one_by_one > 20 * together


def test_what_changed_or_vanished_is_named_and_empty_files_are_read(s3: Store) -> None:
    for i in range(5):
        storage.write_atomic(s3.url(f"small/{i}.txt"), b"x" * i)
    sizes = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4}

    def read(sizes: dict[int, int]) -> list[bytes]:
        files = [_files(10, size)[i] for i, size in sizes.items()]
        return [stream.read() for _, stream in open_files(files)]

    assert read(sizes) == [b"x" * i for i in range(5)]
    with pytest.raises(InputError, match=r"small/3\.txt: has 3 bytes, but had 2"):
        read({**sizes, 3: 2})
    with pytest.raises(InputError, match=r"small/7\.txt: vanished"):
        read({**sizes, 7: 1})


def _planned(files: Sequence[str]) -> list[FileRange]:
    """Return files as a job plans them: each with its size and its version."""
    infos = [storage.info_of(path) or {} for path in files]
    return [
        FileRange(
            source=i, path=path, format="text", bytes=info["size"], version=storage.version_of(info)
        )
        for i, (path, info) in enumerate(zip(files, infos, strict=True))
    ]


def test_names_of_small_files_may_hold_what_urls_escape(s3: Store) -> None:
    names = ["plus+and space.txt", "käse.txt", "100%.txt", "a&b=c;d,e.txt", "[x](y)'!*~.txt"]
    paths = [s3.url(f"names/{name}") for name in names]
    for path in paths:
        storage.write_atomic(path, path.encode())

    read = [stream.read().decode() for _, stream in open_files(_planned(paths))]

    assert read == paths


@pytest.mark.slow
def test_a_small_file_of_s3_costs_less_than_half_of_a_call_of_its_library(s3: Store) -> None:
    paths = [s3.url(f"cheap/{i}.txt") for i in range(300)]
    filesystem = storage.locate(paths[0])[0]
    filesystem.pipe(dict.fromkeys(paths, BODY))
    files = _planned(paths)
    list(open_files(files))  # The connections are there now.

    started = time.process_time()
    assert all(data == BODY for data in filesystem.cat(paths).values())
    library = time.process_time() - started
    started = time.process_time()
    assert all(stream.read() == BODY for _, stream in open_files(files))
    ours = time.process_time() - started

    print(f"{library / 300 * 1e3:.2f} ms of CPU a file by the library, {ours / 300 * 1e3:.2f} here")
    assert ours < library / 2


@pytest.mark.parametrize("fault", ["gone", "replaced"])
def test_a_small_file_that_is_another_one_now_is_named(s3: Store, fault: str) -> None:
    paths = [s3.url(f"{fault}/{i}.txt") for i in range(4)]
    for path in paths:
        storage.write_atomic(path, b"as planned")
    files = _planned(paths)
    if fault == "gone":
        storage.remove(paths[2])
    else:
        storage.write_atomic(paths[2], b"of today!!")

    said = {"gone": "2.txt: vanished", "replaced": "2.txt: has changed since the job was planned"}
    with pytest.raises(InputError, match=said[fault]):
        list(open_files(files))
