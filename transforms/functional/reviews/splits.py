"""Splits: what one worker reads. Cut before the job starts, from sizes alone.

They get to the workers as Parquet: there may be millions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby

from transforms.functional.readers.file_range import FileRange, Group
from transforms.functional.readers.formats import INDEXED, LINE_BASED
from transforms.functional.records import Records

MAX_FILES_PER_SPLIT = 4096
# Text in a compressed file, a guess that only decides how files are grouped.
EXPANSION = 4
# A byte range ends inside a line, which it reads to its end: room for that, so that a range
# normally makes one part and no tiny second one.
RANGE_FILL = 0.9
_FILE = [field.name for field in fields(FileRange)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """A range of one large file, or whole small files one after the other."""

    number: int
    files: tuple[FileRange, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SizedFile:
    """An input file and what is known of its size.

    Attributes:
        file: The whole file.
        bytes: Its size as stored.
        groups: For a large indexed file: its row groups or record batches.
        whole: True where nothing may cut the file: it is one review, a JSON array, or lies in an
            archive.
        archive: The archive that it lies in, where that can only be read from its start.
    """

    file: FileRange
    bytes: int
    groups: Sequence[Group] = ()
    whole: bool = False
    archive: str | None = None

    @property
    def text_bytes(self) -> int:
        """A guess of the text in it."""
        if self.groups:
            return sum(group.bytes for group in self.groups)
        return self.bytes * (EXPANSION if self.packed else 1)

    @property
    def packed(self) -> bool:
        """True where the text is larger than the file."""
        return self.file.compression is not None or self.file.format == "parquet"

    @property
    def cut_at_lines(self) -> bool:
        """True where the file can be cut at any line end."""
        return self.file.format in LINE_BASED and self.file.compression is None and not self.whole

    def stored_bytes(self, part: FileRange) -> float:
        """Return the bytes of the file, as stored, that a range of it takes."""
        if self.groups:
            groups = self.groups[part.start : part.end]
            return self.bytes * sum(group.bytes for group in groups) / max(1, self.text_bytes)
        return self.bytes if part.end is None else part.end - part.start

    def text_of(self, part: FileRange) -> float:
        """A guess of the text in a range of it."""
        return self.text_bytes * self.stored_bytes(part) / max(1, self.bytes)


def plan_splits(files: Iterable[SizedFile], part_bytes: int, first: int = 0) -> Iterator[Split]:
    """Yield numbered splits of about `part_bytes` of text each, in input order.

    Large text and JSON Lines files are cut at byte ranges, indexed ones at row groups; consecutive
    small files share a split. Compressed files, CSV, JSON arrays and tar archives can only be read
    from their start, so each is one split, whatever its size.
    """
    for number, group in enumerate(_groups(files, part_bytes), first):
        yield Split(number=number, files=tuple(group))


def _groups(files: Iterable[SizedFile], part_bytes: int) -> Iterator[list[FileRange]]:
    group: list[FileRange] = []
    filled = 0
    archive: str | None = None
    for sized in files:
        if group and sized.archive != archive:
            yield group
            group, filled = [], 0
        archive = sized.archive
        if archive is not None:
            group.append(sized.file)
            continue
        ranges = list(_ranges(sized, part_bytes))
        small = len(ranges) == 1 and sized.text_bytes <= part_bytes
        full = filled + sized.text_bytes > part_bytes or len(group) == MAX_FILES_PER_SPLIT
        if group and (full or not small):
            yield group
            group, filled = [], 0
        if small:
            group.append(sized.file)
            filled += sized.text_bytes
        else:
            yield from ([file_range] for file_range in ranges)
    if group:
        yield group


def _ranges(sized: SizedFile, part_bytes: int) -> Iterator[FileRange]:
    file = sized.file
    if sized.bytes > part_bytes and sized.cut_at_lines:
        n_ranges = -(-sized.bytes // max(1, int(part_bytes * RANGE_FILL)))
        width = -(-sized.bytes // n_ranges)
        for start in range(0, sized.bytes, width):
            yield replace(file, start=start, end=min(start + width, sized.bytes))
    elif len(sized.groups) > 1 and file.format in INDEXED:
        start = record = rows = filled = 0
        for place, group in enumerate(sized.groups):
            if place > start and filled + group.bytes > part_bytes:
                yield replace(file, start=start, end=place, record=record)
                start, record, filled = place, rows, 0
            rows += group.rows
            filled += group.bytes
        yield replace(file, start=start, end=len(sized.groups), record=record)
    else:
        yield file


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
