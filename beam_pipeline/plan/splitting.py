"""What is known of an input file before it is read: its format, its size, its row groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.input_file import InputFile
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import INDEXED, format_of
from transforms.functional.readers.json_array import holds_array
from transforms.functional.readers.read_file import index_groups
from transforms.functional.reviews.splits import SizedFile
from transforms.functional.unpacking.archive_paths import split_member
from transforms.functional.unpacking.compression import compression_of
from transforms.storage.input_files import open_file

LOOKS_AT_ONCE = 16
LOOKS_IN_GROUP = 4096


def whole_file(
    config: JobConfig, source: int, file: InputFile, label: int | None = None
) -> FileRange:
    """Return all of a file as a range.

    Raises:
        UsageError: its ending does not tell its format.
    """
    return FileRange(
        source=source,
        path=file.path,
        format=format_of(file.path, config.input_format),
        compression=compression_of(file.path),
        bytes=file.bytes,
        version=file.version,
        label=label,
        delimiter=config.delimiter,
        quoting=config.quoting,
        escape=config.escape,
    )


def sized_files(
    config: JobConfig, ranges: Sequence[FileRange], files: Sequence[InputFile]
) -> Iterator[SizedFile]:
    """Look into large Parquet, Arrow and `.json` files: how can they be split?"""
    # Several at once: each large one of a store costs a request or two.
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as threads:
        # A group at a time: a million tasks that wait would fill the memory.
        for start in range(0, len(files), LOOKS_IN_GROUP):
            group = slice(start, start + LOOKS_IN_GROUP)
            yield from threads.map(partial(_sized_file, config), ranges[group], files[group])


def _sized_file(config: JobConfig, file_range: FileRange, file: InputFile) -> SizedFile:
    whole = file_range.format == "text" and config.sample_by == "document"
    member = split_member(file.path)
    if member is not None:
        archive = member[1] if member[0] == "tar" else None
        return SizedFile(file=file_range, bytes=file.bytes, whole=True, archive=archive)
    sized = SizedFile(file=file_range, bytes=file.bytes, whole=whole)
    if file.bytes <= config.part_bytes or file_range.compression is not None:
        return sized
    if file_range.format == "json":
        with open_file(replace(file_range, end=1)) as stream:
            return replace(sized, whole=holds_array(stream)[0])
    if file_range.format not in INDEXED:
        return sized
    with open_file(file_range) as stream:
        groups = index_groups(stream, file_range, config.text_column)
    return replace(sized, groups=tuple(groups))
