"""JSON in a `.json` file: lines of objects, or one array of them; the first byte tells which.

The place of a review is the byte offset of its line, or of its element. An array is read from its
start, an element at a time: no more than a block and the longest element are in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, cast

from transforms.functional.errors import BadInputError
from transforms.functional.readers.columns import MAX_REVIEW_BYTES, ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.jsonl import Line, lines_chunk, read_jsonl
from transforms.functional.readers.lines import (
    BLOCK_BYTES,
    BYTE_ORDER_MARK,
    check_not_utf16,
    in_chunks,
)
from transforms.functional.reviews.reviews import ReviewChunk
from transforms.functional.unpacking.compression import Rejoined

# A review that is written in escapes of six bytes, and as many bytes of other fields.
MAX_ELEMENT_BYTES = 8 * MAX_REVIEW_BYTES
_HEAD_BYTES = 1 << 16
# A string, the start of one that the next bytes continue, or a mark between values.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|"|[][{},]', re.DOTALL)


def read_json(
    stream: IO[bytes], file: FileRange, columns: ReviewColumns, block_bytes: int = BLOCK_BYTES
) -> Iterator[ReviewChunk]:
    """Yield the objects of a file as reviews; of an array, the first range reads all.

    Raises:
        InputError: more follows the array, or an element is too long to be one.
        EOFError: the array is not closed.
    """
    array, stream = holds_array(stream, file.start)
    if not array:
        yield from read_jsonl(stream, file, columns)
    elif file.start == 0:
        for lines in in_chunks(elements(stream, block_bytes), lambda line: len(line.data)):
            yield lines_chunk(lines, file.source, columns)


def holds_array(stream: IO[bytes], start: int = 0) -> tuple[bool, IO[bytes]]:
    """Return whether a file holds one array, and a stream that begins where the given one did.

    Args:
        stream: The file at its start; it must be seekable unless `start` is 0.
        start: Where reading will begin.

    Raises:
        InputError: the file is UTF-16.
    """
    head = stream.read(_HEAD_BYTES)
    check_not_utf16(head)
    array = head.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"[")
    return array, stream if start else cast("IO[bytes]", Rejoined(head, stream))


def elements(stream: IO[bytes], block_bytes: int = BLOCK_BYTES) -> Iterator[Line]:
    """Yield the elements of a JSON array, as they stand in the file.

    Only strings and brackets are looked at: an element may be no JSON, and the next one is found.
    """
    data = stream.read(block_bytes)
    while b"[" not in data:
        data += stream.read(block_bytes)
    begin = at = data.index(b"[") + 1
    offset = depth = 0
    while True:
        token = _TOKEN.search(data, at)
        if token is None or token[0] == b'"':
            at = len(data) if token is None else token.start()
            more = stream.read(block_bytes)
            if not more:
                raise EOFError("the array is not closed")
            data, offset, at, begin = data[begin:] + more, offset + begin, at - begin, 0
            if len(data) > MAX_ELEMENT_BYTES + len(more):
                raise BadInputError(
                    f"the element at byte {offset} of the array is longer than "
                    f"{MAX_ELEMENT_BYTES:,} bytes: is a quote or a bracket missing?"
                )
            continue
        at, mark = token.end(), token[0]
        if depth == 0 and mark in (b",", b"]"):
            element = data[begin : token.start()]
            yield Line(offset + token.start() - len(element.lstrip()), element.strip())
            begin = at
            if mark == b"]":
                return _check_blank(stream, data[at:], offset + at)
        elif mark in (b"[", b"{"):
            depth += 1
        elif mark in (b"]", b"}"):
            depth = max(0, depth - 1)


def _check_blank(stream: IO[bytes], rest: bytes, offset: int) -> None:
    """Raise `InputError` where anything but blanks follows the array."""
    while True:
        if rest.strip():
            place = offset + len(rest) - len(rest.lstrip())
            raise BadInputError(
                f"the JSON array ends before byte {place}, but more follows: write one array, or "
                f"an object a line (--input_format jsonl reads lines)"
            )
        offset += len(rest)
        rest = stream.read(_HEAD_BYTES)
        if not rest:
            return
