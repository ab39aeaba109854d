"""Compressed files as streams: one member after the other, and nothing else.

`BZ2File` and `LZMAFile` of Python take whatever follows a member, and is none, for the end: one bad
byte in a file of `pbzip2` would lose the rest of it in silence. `GzipFile` reads an empty file as
no data. Here both are errors, and so is a decompression bomb.
"""

from __future__ import annotations

import bz2
import io
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Callable
from typing import IO, Any, Literal, cast

import pyarrow as pa

from transforms.functional.errors import BadInputError
from transforms.functional.unpacking.archive_paths import name_of

Compression = Literal["gzip", "zstd", "bz2", "xz"]

_READ_BYTES = 1 << 18
# Reviews shrink to a third or a quarter; a bomb is a thousand times as large as its file.
MAX_RATIO = 250
FREE_BYTES = 64 << 20

_COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gzip",
    ".gzip": "gzip",
    ".zst": "zstd",
    ".zstd": "zstd",
    ".bz2": "bz2",
    ".xz": "xz",
}


def compression_of(path: str) -> Compression | None:
    """Return the compression that a path's ending names, None for none."""
    name = name_of(path).lower()
    return next((kind for ending, kind in _COMPRESSIONS.items() if name.endswith(ending)), None)


def without_compression(name: str) -> str:
    """Return a file name in lower case without the endings that name a compression."""
    for ending in _COMPRESSIONS:
        name = name.removesuffix(ending)
    return name


def decompress(
    stream: IO[bytes], compression: Compression | None, *, seekable: bool = False
) -> IO[bytes]:
    """Return the decompressed bytes of a stream, as a stream.

    Args:
        stream: The file as stored.
        compression: How it is compressed; None returns it as it is.
        seekable: True unpacks to a temporary file, for formats that are read from an index.

    Raises (when read):
        OSError, EOFError, zlib.error, lzma.LZMAError: the data is damaged, cut short, or empty.
        InputError: it is a decompression bomb.
    """
    if compression is None:
        return stream
    if compression == "zstd":
        read = _zstd_reader(stream)
    else:
        read = _Members(stream, _DECOMPRESSORS[compression]).read
    unpacked = cast("IO[bytes]", io.BufferedReader(ByteStream(read), _READ_BYTES))
    return in_temporary_file(unpacked) if seekable else unpacked


class ByteStream(io.RawIOBase):
    """What a function gives, which returns some bytes, at most as many as asked, as a stream."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        """Begin with the first byte."""
        self._read = read
        self._place = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, and return how many bytes it took."""
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


class Rejoined:
    """A stream whose first bytes were read already, for readers that only go forward."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        """Begin with the first bytes."""
        self._head = head
        self._rest = rest

    def read(self, size: int) -> bytes:
        """Return some bytes, at most as many as asked."""
        head, self._head = self._head[:size], self._head[size:]
        return head or self._rest.read(size)

    def tell(self) -> int:
        """Return the position in the whole stream."""
        return self._rest.tell() - len(self._head)


def in_temporary_file(stream: IO[bytes]) -> IO[bytes]:
    """Return the bytes of a stream as a file that can be read in any order."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when nobody reads it any more
    shutil.copyfileobj(stream, file)
    file.seek(0)
    return cast("IO[bytes]", file)


class RatioGuard:
    """Counts bytes before and after unpacking, and stops what grows beyond all reason."""

    def __init__(self, packed: int = 0) -> None:
        """Begin with some packed bytes, and nothing unpacked."""
        self.packed = packed
        self.unpacked = 0

    def add_unpacked(self, n_bytes: int) -> None:
        """Count unpacked bytes.

        Raises:
            InputError: they are more than `MAX_RATIO` times the packed ones, and no small matter.
        """
        self.unpacked += n_bytes
        if self.unpacked > FREE_BYTES + MAX_RATIO * self.packed:
            raise BadInputError(
                f"unpacks to more than {MAX_RATIO} times its size ({self.unpacked:,} bytes from "
                f"{self.packed:,}): a decompression bomb, it is not read further"
            )


class _GzipMember:
    """The decompressor of zlib, made to look like those of bz2 and lzma; it checks the CRC."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "gzip": _GzipMember,
    "bz2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


class _Members:
    def __init__(self, stream: IO[bytes], new_member: Callable[[], Any]) -> None:
        self._stream = stream
        self._new_member = new_member
        self._member = new_member()
        self._guard = RatioGuard()

    def read(self, size: int) -> bytes:
        while True:
            data = b""
            if self._member.eof:
                data = self._start_of_next()
                if not data:
                    return b""
                self._member = self._new_member()
            elif self._member.needs_input:
                data = self._stream.read(_READ_BYTES)
                if not data:
                    raise EOFError("it ends before its end mark")
                self._guard.packed += len(data)
            unpacked: bytes = self._member.decompress(data, size)
            if unpacked:
                self._guard.add_unpacked(len(unpacked))
                return unpacked

    def _start_of_next(self) -> bytes:
        """Return the first bytes after a member, none at the end; zeros may pad it."""
        data = self._member.unused_data.lstrip(b"\0")
        while not data:
            piece = self._stream.read(_READ_BYTES)
            if not piece:
                break
            self._guard.packed += len(piece)
            data = piece.lstrip(b"\0")
        return cast(bytes, data)


def _zstd_reader(stream: IO[bytes]) -> Callable[[int], bytes]:
    """Return how to read Arrow's zstd, with an eye on how much comes out of how little."""
    first = stream.read(1)
    # Arrow takes an empty file for one without frames.
    if not first:
        raise EOFError("it is empty")
    # Counts what is read; not every stream tells, as in a tar file.
    packed = ByteStream(Rejoined(first, stream).read)
    unpacked = pa.CompressedInputStream(pa.PythonFile(packed, "r"), "zstd")
    guard = RatioGuard()

    def read(size: int) -> bytes:
        try:
            data: bytes = unpacked.read(size)
        except OSError as error:
            if "too much memory" not in str(error):
                raise
            raise BadInputError(
                "is zstd with a window of more than 128 MiB, which is not read: pack it again "
                "without --long, or with --long=27 at most"
            ) from None
        guard.packed = packed.tell()
        guard.add_unpacked(len(data))
        return data

    return read
