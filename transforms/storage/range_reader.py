"""A file in a store as a stream: range requests, the next one on its way while one is read."""

from __future__ import annotations

import io
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from fsspec import AbstractFileSystem

from transforms.functional.errors import InputError
from transforms.storage.stores import reason, retrying, run_once
from transforms.storage.versions import get_range

FIRST_BLOCK_BYTES = 1 << 18
LARGEST_BLOCK_BYTES = 1 << 23


class RangeReader(io.RawIOBase):
    """Read a file by ranges, seekable, each request bounded and retried.

    A reader that goes forward gets blocks that double up to 8 MiB, the next of which is fetched by
    another thread meanwhile. One that jumps (Parquet: the footer, then the columns needed) gets
    just what it asks for, 256 KiB at least.

    Args:
        version: Its version, which a store that can is asked for; empty for any.
        stop: Where the reader will probably stop; nothing beyond it is fetched ahead.
        ahead: False where the reader jumps.
    """

    def __init__(
        self,
        filesystem: AbstractFileSystem,
        name: str,
        size: int,
        *,
        version: str = "",
        stop: int | None = None,
        ahead: bool = True,
    ) -> None:
        """Remember the file; nothing is fetched yet."""
        self.size = size
        self._filesystem = filesystem
        self._name = name
        self._version = version
        self._stop = size if stop is None else min(stop, size)
        self._ahead = ahead
        self._position = 0
        self._block = b""
        self._block_start = 0
        self._block_bytes = FIRST_BLOCK_BYTES
        self._next: tuple[int, Future[bytes]] | None = None
        self._threads: ThreadPoolExecutor | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the file."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another position; nothing is fetched."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: object) -> int:
        """Fill a buffer, and return how many bytes it took."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Return the rest of the file."""
        return self.read(-1)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes, fewer only at the end of the file.

        Raises:
            InputError: the store does not give them, also when asked again.
        """
        end = self.size if size is None or size < 0 else min(self._position + size, self.size)
        pieces = []
        while self._position < end:
            offset = self._position - self._block_start
            if not 0 <= offset < len(self._block):
                self._load(self._position, end - self._position)
                offset = self._position - self._block_start
            piece = self._block[offset : offset + end - self._position]
            self._position += len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Let go of what is fetched ahead."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        self._block, self._next = b"", None
        super().close()

    def _load(self, start: int, wanted: int) -> None:
        """Make the block hold the bytes from `start` on."""
        forward = self._ahead and self._block and start == self._block_start + len(self._block)
        grown = min(2 * self._block_bytes, LARGEST_BLOCK_BYTES)
        self._block_bytes = grown if forward else FIRST_BLOCK_BYTES
        if self._next is not None and self._next[0] == start:
            block = self._next[1].result()
        else:
            block = self._fetch(start, self._end_of_block(start, wanted))
        self._block_start, self._block, self._next = start, block, None
        behind = start + len(block)
        if forward and behind < self._stop:
            self._threads = self._threads or ThreadPoolExecutor(1, "read-ahead")
            end = min(behind + self._block_bytes, self._stop)
            self._next = behind, self._threads.submit(self._fetch, behind, end)

    def _end_of_block(self, start: int, wanted: int) -> int:
        end = start + max(wanted, self._block_bytes)
        if start < self._stop:
            end = max(min(end, self._stop), start + wanted)
        return min(end, self.size)

    def _fetch(self, start: int, end: int) -> bytes:
        try:
            return retrying(self._fetch_once, start, end)
        except FileNotFoundError:
            raise InputError("vanished while it was read; start the job again") from None
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"cannot be read at byte {start}: {reason(error)}; start the job again"
            ) from error

    def _fetch_once(self, start: int, end: int) -> bytes:
        data = get_range(self._filesystem, self._name, start, end, self._version)
        if len(data) != end - start:
            raise ConnectionError(f"{len(data)} bytes came instead of {end - start}")
        return data


def gives_ranges(filesystem: AbstractFileSystem, name: str, info: Mapping[str, Any]) -> bool:
    """Return True where a store gives ranges of a file; a web server is asked for one byte."""
    if info.get("partial") is False:
        return False
    if "http" not in filesystem.protocol or not info.get("size"):
        return True
    return bool(retrying(run_once, filesystem, _answers_partly, filesystem, name))


async def _answers_partly(filesystem: Any, name: str) -> bool:
    # Left before its end, an answer with the whole file is not fetched.
    session = await filesystem.set_session()
    options = {**filesystem.kwargs}
    headers = {**(options.pop("headers", None) or {}), "Range": "bytes=0-0"}
    async with session.get(filesystem.encode_url(name), headers=headers, **options) as answer:
        answer.raise_for_status()
        return bool(answer.status == 206)
