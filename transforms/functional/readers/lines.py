"""Whole lines of a byte range: what text and JSON Lines have in common.

A record ends at `\n` only (an `\r` before it belongs to the line end). `str.splitlines` would also
cut at U+0085 and other characters that real reviews contain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import IO, TypeVar

import numpy as np

from transforms.functional.errors import BadInputError

T = TypeVar("T")

BLOCK_BYTES = 1 << 22
MAX_ROWS_PER_CHUNK = 4096
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_IS_UTF16 = "is UTF-16, not UTF-8: convert it (iconv -f UTF-16 -t UTF-8)"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# How much of a file shows whether it is UTF-16. Of a text in an alphabet every second byte says
# which one (Latin 0, Greek 3, Cyrillic 4, ...); no text in UTF-8 has as many control characters.
UTF16_SAMPLE_BYTES = 4096
_ALPHABETS = 9
_SHARE_OF_ALPHABETS = 0.7


def line_blocks(
    stream: IO[bytes], start: int = 0, end: int | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[int, bytes]]:
    r"""Yield `(offset, block)`: all lines that begin in `[start, end)`, several a block.

    Every block ends with `\n`, except the file's last one where the file does not. Ranges that
    cover a file without overlap give each of its lines exactly once, however long the lines are.

    Args:
        stream: The file; it must be seekable unless `start` is 0.
        start: First byte of the range.
        end: Byte after the range; None reads to the end of the file.
        block_bytes: How much to read at a time. A longer line makes a longer block.
    """
    position = start
    if start:
        stream.seek(start - 1)
        position = start - 1 + _skip_line(stream)
        stream.seek(position)
    pieces: list[bytes] = []
    while end is None or position < end:
        piece = stream.read(block_bytes)
        if not piece:
            block = b"".join(pieces)
            if block:
                yield position, block
            return
        # The last line to yield holds byte `end - 1`: look for its end from there on.
        begin = position + sum(map(len, pieces))
        if end is not None and begin + len(piece) >= end:
            cut = piece.find(b"\n", max(0, end - 1 - begin)) + 1
        else:
            cut = piece.rfind(b"\n") + 1
        if cut == 0:
            pieces.append(piece)
            continue
        block = b"".join([*pieces, piece[:cut]])
        yield position, block
        position += len(block)
        pieces = [piece[cut:]]


def in_chunks(rows: Iterable[T], size_of: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield rows in lists of about `BLOCK_BYTES`; the last list may be empty."""
    chunk: list[T] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += size_of(row)
        if size >= BLOCK_BYTES or len(chunk) == MAX_ROWS_PER_CHUNK:
            yield chunk
            chunk, size = [], 0
    yield chunk


def _skip_line(stream: IO[bytes]) -> int:
    """Return the number of bytes up to and with the next line end."""
    skipped = 0
    while piece := stream.read(1 << 16):
        found = piece.find(b"\n")
        if found >= 0:
            return skipped + found + 1
        skipped += len(piece)
    return skipped


def check_not_utf16(start_of_file: bytes) -> None:
    """Raise `InputError` for UTF-16: most of its lines would pass for UTF-8 full of NULs."""
    head = np.frombuffer(start_of_file[:UTF16_SAMPLE_BYTES], np.uint8)
    pairs = head[: len(head) // 2 * 2].reshape(-1, 2)
    # Of one byte in two: a file of nothing but NULs is damaged in another way.
    shares = sorted((pairs < _ALPHABETS).mean(axis=0)) if len(pairs) > 1 else [0.0, 0.0]
    is_utf16 = shares[0] <= _SHARE_OF_ALPHABETS < shares[1]
    if is_utf16 or start_of_file.startswith(_UTF16_MARKS):
        raise BadInputError(_IS_UTF16)


def line_bounds(block: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the (n,) int64 starts and ends of the lines of a block, line ends left out."""
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if len(data) and data[-1] != ord("\n"):
        ends = np.append(ends, len(data))
    starts = np.zeros_like(ends)
    starts[1:] = ends[:-1] + 1
    carriage = (ends > starts) & (data[np.maximum(ends - 1, 0)] == ord("\r"))
    return starts, ends - carriage
