"""Many small files cost as many requests, but not as many waits."""

from __future__ import annotations

import sys
import time

import pytest

from tests.stores.servers import ROOT, Store, free_port, in_environment, s3_environment, serving
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
