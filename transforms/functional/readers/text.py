r"""Plain text: a review a line, or a review a file.

Every line is a review, an empty one too, as in `datasets.load_dataset("text")`. The place of a
review is the byte offset of its line, so that a reader of one range needs to know nothing of the
others, and a person can seek to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from transforms.functional.readers.columns import ReviewColumns, review_chunk
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.lines import (
    BLOCK_BYTES,
    BYTE_ORDER_MARK,
    check_not_utf16,
    line_blocks,
    line_bounds,
)
from transforms.functional.reviews.reviews import ReviewChunk
from transforms.functional.unpacking.damage import naming

TEXT_COLUMNS = ReviewColumns(text="text")


def read_lines(stream: IO[bytes], file: FileRange) -> Iterator[ReviewChunk]:
    """Yield the lines that begin in a range as reviews."""
    for offset, block in line_blocks(stream, file.start, file.end):
        if offset == 0:
            check_not_utf16(block)
        starts, ends = line_bounds(block)
        if offset == 0 and block.startswith(BYTE_ORDER_MARK):
            starts[0] = min(len(BYTE_ORDER_MARK), ends[0])
        records = (starts + offset).astype(np.uint64)
        if offset == 0 and len(records):
            records[0] = 0
        yield _lines_chunk(_gather_lines(block, starts, ends), records, file.source)


def read_whole_files(
    files: Iterable[tuple[FileRange, bytes]], sample_by: Literal["line", "document"]
) -> Iterator[ReviewChunk]:
    """Yield the reviews of whole small files, thousands a chunk.

    Args:
        files: Each input file, and all its bytes.
        sample_by: A review a line, or the whole file one review (record 0).
    """
    gathered: list[_Record] = []
    n_bytes = 0
    for file, data in files:
        gathered.extend(_records(file, data, sample_by))
        n_bytes += len(data)
        if n_bytes >= BLOCK_BYTES:
            yield _whole_files_chunk(gathered)
            gathered, n_bytes = [], 0
    yield _whole_files_chunk(gathered)


def _lines_chunk(texts: pa.LargeBinaryArray, records: np.ndarray, source: int) -> ReviewChunk:
    return review_chunk(
        texts=texts,
        labels=None,
        records=records,
        source=source,
        columns=TEXT_COLUMNS,
        raw=lambda row: texts[row].as_py(),
    )


class _Record(NamedTuple):
    source: int
    place: int
    text: bytes
    label: int | None


def _records(
    file: FileRange, data: bytes, sample_by: Literal["line", "document"]
) -> Iterator[_Record]:
    start = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
    with naming(file.path, file.format):
        check_not_utf16(data)
    if sample_by == "document":
        yield _Record(file.source, 0, data[start:], file.label)
        return
    starts, ends = line_bounds(data)
    for first, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield _Record(file.source, first, data[max(first, start) : end], file.label)


def _whole_files_chunk(gathered: list[_Record]) -> ReviewChunk:
    labelled = any(record.label is not None for record in gathered)
    labels = pa.array([record.label for record in gathered], pa.int64()) if labelled else None
    return review_chunk(
        texts=pa.array([record.text for record in gathered], pa.large_binary()),
        labels=labels,
        records=np.asarray([record.place for record in gathered], np.uint64),
        source=np.asarray([record.source for record in gathered], np.uint32),
        columns=TEXT_COLUMNS,
        raw=lambda row: gathered[row].text,
    )


def _gather_lines(block: bytes, starts: np.ndarray, ends: np.ndarray) -> pa.LargeBinaryArray:
    """Return the lines without their ends: one copy of the block, no loop over lines."""
    data = np.frombuffer(block, np.uint8)
    keep = np.zeros(len(data) + 1, np.int8)
    np.add.at(keep, starts, 1)
    np.add.at(keep, ends, -1)
    kept = data[np.cumsum(keep[:-1], dtype=np.int8).astype(bool)]
    offsets = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(ends - starts, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(kept)]
    return pa.Array.from_buffers(pa.large_binary(), len(starts), buffers)
