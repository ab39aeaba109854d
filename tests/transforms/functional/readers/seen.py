"""What a reader gave, as plain Python values."""

import io
from collections.abc import Iterable

from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.read_file import read_file
from transforms.functional.reviews.reviews import ReviewChunk

TEXT = ReviewColumns(text="text")
LABELLED = ReviewColumns(text="text", label="label")
NAMED = ReviewColumns(text="text", label="label", label_numbers={"neg": 0, "pos": 1})


def reviews(chunks: Iterable[ReviewChunk]) -> list[tuple[int, str]]:
    """Return `(record, text)` of each review."""
    return [(row["record"], row["text"]) for chunk in chunks for row in chunk.reviews.to_pylist()]


def labelled(chunks: Iterable[ReviewChunk]) -> list[tuple[str, int]]:
    """Return `(text, label)` of each review."""
    return [(row["text"], row["label"]) for chunk in chunks for row in chunk.reviews.to_pylist()]


def rejected(chunks: Iterable[ReviewChunk]) -> list[tuple[int, str, bytes]]:
    """Return `(record, reason, raw)` of each rejected record."""
    return [(item.record, item.reason, item.raw) for chunk in chunks for item in chunk.rejected]


def file_of(file_format: str, start: int = 0, end: int | None = None, **more: object) -> FileRange:
    """Return a range of a file."""
    more = {"source": 0, "path": "in/reviews", **more}
    return FileRange(format=file_format, start=start, end=end, **more)


def read(
    data: bytes, file_format: str, columns: ReviewColumns = TEXT, **file_range: object
) -> list[ReviewChunk]:
    """Read bytes as one file."""
    return list(read_file(io.BytesIO(data), file_of(file_format, **file_range), columns))
