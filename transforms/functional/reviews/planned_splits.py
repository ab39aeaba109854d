"""Splits as bytes of Arrow: how a plan of millions of them gets to the workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import groupby

from transforms.functional.readers.file_range import FileRange
from transforms.functional.records import Records
from transforms.functional.reviews.splits import Split

_FILE = [field.name for field in fields(FileRange)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _SplitFile(FileRange):
    """A file range and the number of the split that reads it."""

    split: int


def dump_splits(splits: Iterable[Split]) -> bytes:
    """Return splits as a Parquet file."""
    return Records.of(
        _SplitFile,
        (
            _SplitFile(split=split.number, **{name: getattr(file, name) for name in _FILE})
            for split in splits
            for file in split.files
        ),
    ).to_parquet()


def load_splits(data: bytes) -> Iterator[Split]:
    """Yield the splits in a Parquet file, in order."""
    rows = Records.from_parquet(_SplitFile, data)
    for number, files in groupby(rows, lambda row: row.split):
        yield Split(
            number=number,
            files=tuple(
                FileRange(**{name: getattr(file, name) for name in _FILE}) for file in files
            ),
        )
