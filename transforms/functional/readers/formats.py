"""What a file is, told by its name: `reviews.jsonl.gz` is gzipped JSON Lines."""

from __future__ import annotations

import io
import shutil
import tempfile
from typing import IO, Any, Literal, cast, get_args

import pyarrow as pa

from transforms.functional.errors import UsageError
from transforms.functional.unpacking.member_paths import name_of
from transforms.functional.unpacking.members import RatioGuard, open_members

FileFormat = Literal["text", "jsonl", "csv", "tsv", "parquet", "arrow"]
Compression = Literal["gzip", "zstd", "bz2", "xz"]

FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
# Formats that are read from an index in the file: they need seeks, and split at that index.
INDEXED: tuple[FileFormat, ...] = ("parquet", "arrow")
# Formats that can be cut at any line end.
LINE_BASED: tuple[FileFormat, ...] = ("text", "jsonl")

_COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gzip",
    ".gzip": "gzip",
    ".zst": "zstd",
    ".zstd": "zstd",
    ".bz2": "bz2",
    ".xz": "xz",
}
_ENDINGS: dict[str, FileFormat] = {
    ".txt": "text",
    ".text": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


def compression_of(path: str) -> Compression | None:
    """Return the compression that a path's ending names, None for none."""
    name = name_of(path).lower()
    return next((kind for ending, kind in _COMPRESSIONS.items() if name.endswith(ending)), None)


def format_of(path: str, input_format: str = "auto") -> FileFormat:
    """Return the format of a file: the one given, or for `auto` the one that its ending names.

    Raises:
        UsageError: the ending says nothing.
    """
    if input_format != "auto":
        return cast(FileFormat, input_format)
    name = name_of(path).lower()
    for ending in _COMPRESSIONS:
        name = name.removesuffix(ending)
    for ending, file_format in _ENDINGS.items():
        if name.endswith(ending):
            return file_format
    raise UsageError(
        f"cannot tell the format of {path} from its ending: pass --input_format "
        f"({', '.join(FORMATS)}), or a narrower --input"
    )


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
    """
    if compression is None:
        return stream
    unpacked = _open_zstd(stream) if compression == "zstd" else open_members(stream, compression)
    if not seekable:
        return unpacked
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(unpacked, file)
    file.seek(0)
    return cast("IO[bytes]", file)


def _open_zstd(stream: IO[bytes]) -> IO[bytes]:
    # Arrow takes an empty file for one without frames.
    if not stream.read(1):
        raise EOFError("it is empty")
    stream.seek(0)
    return cast("IO[bytes]", io.BufferedReader(_Zstd(stream), 1 << 18))


class _Zstd(io.RawIOBase):
    """Arrow's zstd, with an eye on how much comes out of how little."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._packed = stream
        self._stream = pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd")
        self._guard = RatioGuard()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._guard.packed = self._packed.tell()
        self._guard.add_unpacked(len(data))
        buffer[: len(data)] = data
        return len(data)
