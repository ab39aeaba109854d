"""What the record batches of an Arrow file say that they unpack to, before anybody unpacks them.

Arrow makes room for whatever a compressed buffer claims to hold. So the claims are read here from
the messages' metadata, which are FlatBuffers: see Arrow's `Message.fbs` and "Columnar format,
Encapsulated message format".
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import IO

import pyarrow as pa

from transforms.functional.unpacking.compression import RatioGuard

_FILE_MAGIC = b"ARROW1"
_BLOCK = struct.Struct("<q16x")  # Where a message begins, and two sizes.
_CONTINUATION = b"\xff\xff\xff\xff"
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # Of the union MessageHeader.
# A larger file is not looked through: each message of a store's file would cost a request.
_MOST_BYTES = 64 << 20


def check_claims(stream: IO[bytes]) -> None:
    """Raise `InputError` for a file or stream whose buffers claim far more bytes than it has.

    Raises:
        pyarrow.ArrowInvalid: its messages are damaged.
    """
    guard = RatioGuard(stream.seek(0, io.SEEK_END))
    if guard.packed > _MOST_BYTES:
        return
    try:
        n_bytes = guard.packed
        for start in _blocks(stream, n_bytes) if is_file(stream) else _stream_messages(stream):
            for place in _compressed_buffers(stream, start):
                stream.seek(place)
                # Minus one: this buffer did not shrink, and is as it is.
                guard.add_unpacked(max(0, *struct.unpack("<q", stream.read(8))))
    except (struct.error, ValueError, OverflowError) as error:
        raise pa.ArrowInvalid(f"its messages are damaged: {error}") from None
    stream.seek(0)


def is_file(stream: IO[bytes]) -> bool:
    """Return True for an Arrow file, False for a stream; the stream is at its start then."""
    stream.seek(0)
    magic = stream.read(len(_FILE_MAGIC))
    stream.seek(0)
    return magic == _FILE_MAGIC


def _blocks(stream: IO[bytes], n_bytes: int) -> list[int]:
    """Return where the batches of an IPC file begin, as its footer says."""
    stream.seek(n_bytes - len(_FILE_MAGIC) - 4)
    length = struct.unpack("<i", stream.read(4))[0]
    stream.seek(n_bytes - len(_FILE_MAGIC) - 4 - length)
    data = stream.read(length)
    footer = _Table.root(data)
    found: list[int] = []
    for field in (2, 3):  # Dictionaries, and record batches.
        if place := footer.vector(field):
            n_blocks = struct.unpack_from("<I", data, place)[0]
            blocks = data[place + 4 : place + 4 + _BLOCK.size * n_blocks]
            found += (offset for (offset,) in _BLOCK.iter_unpack(blocks))
    return found


def _stream_messages(stream: IO[bytes]) -> Iterator[int]:
    """Yield where the messages of an IPC stream begin."""
    start = 0
    while True:
        stream.seek(start)
        metadata = _metadata(stream)
        if not metadata:
            return
        behind = stream.tell() + max(0, _Table.root(metadata).number(3, "<q"))
        yield start
        start = behind


def _metadata(stream: IO[bytes]) -> bytes:
    """Return the metadata of the message that begins here, nothing at the end of a stream."""
    prefix = stream.read(4)
    if prefix == _CONTINUATION:
        prefix = stream.read(4)
    return b"" if len(prefix) < 4 else stream.read(struct.unpack("<I", prefix)[0])


def _compressed_buffers(stream: IO[bytes], start: int) -> list[int]:
    """Return where the compressed buffers of a message begin; none where nothing is."""
    stream.seek(start)
    metadata = _metadata(stream)
    body = stream.tell()
    message = _Table.root(metadata)
    kind = message.number(1, "<B")
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return []
    batch = message.table(2)
    if kind == _DICTIONARY_BATCH:
        batch = batch.table(1)
    place = batch.vector(2)
    if not batch.place(3) or not place:  # No compression, or no buffers.
        return []
    n_buffers = struct.unpack_from("<I", metadata, place)[0]
    pairs = struct.unpack_from(f"<{2 * n_buffers}q", metadata, place + 4)
    return [
        body + offset
        for offset, n_bytes in zip(pairs[::2], pairs[1::2], strict=True)
        if n_bytes > 0
    ]


class _Table:
    """A table of a FlatBuffer: fields by their numbers."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data = data
        self._start = start
        self._fields = start - struct.unpack_from("<i", data, start)[0]

    @classmethod
    def root(cls, data: bytes) -> _Table:
        return cls(data, struct.unpack_from("<I", data, 0)[0])

    def place(self, field: int) -> int:
        """Return where a field stands, 0 where it is not there."""
        slot = 4 + 2 * field
        if self._fields < 0 or slot >= struct.unpack_from("<H", self._data, self._fields)[0]:
            return 0
        offset: int = struct.unpack_from("<H", self._data, self._fields + slot)[0]
        return self._start + offset if offset else 0

    def number(self, field: int, form: str) -> int:
        place = self.place(field)
        return int(struct.unpack_from(form, self._data, place)[0]) if place else 0

    def vector(self, field: int) -> int:
        """Return where a vector begins with its length, 0 where it is not there."""
        place = self.place(field)
        return place + int(struct.unpack_from("<I", self._data, place)[0]) if place else 0

    def table(self, field: int) -> _Table:
        place = self.place(field)
        return _Table(self._data, place + struct.unpack_from("<I", self._data, place)[0])
