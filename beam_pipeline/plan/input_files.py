"""What is known of input files before they are read: paths, versions, formats, sizes, splits."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial

from beam_pipeline.options.config import JobConfig
from transforms import storage
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.errors import InputError
from transforms.functional.input_names import hides_secret, input_name
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import INDEXED, format_of
from transforms.functional.readers.json_array import holds_array
from transforms.functional.readers.read_file import index_groups
from transforms.functional.reviews.labels import folder_label
from transforms.functional.reviews.splits import SizedFile, Split, plan_splits
from transforms.functional.unpacking.archive_paths import split_member
from transforms.functional.unpacking.compression import compression_of
from transforms.storage.input_files import open_file

LOOKS_AT_ONCE = 16
LOOKS_IN_GROUP = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class InputFile:
    """One input file.

    Attributes:
        path: Absolute path, or URL.
        bytes: Size as stored.
        identity: What changes when the file does: its etag, or the time it was modified.
        version: The same for a reader of this run, which may ask for more; see
            `transforms.storage.versions`. Empty where nobody knows.
    """

    path: str
    bytes: int
    identity: str
    version: str = ""

    @property
    def entry(self) -> InputEntry:
        """What the manifest says of the file."""
        return InputEntry(path=input_name(self.path), bytes=self.bytes, identity=self.identity)

    @property
    def folder(self) -> str:
        """The path of the folder that the file lies in; an archive is a folder, too."""
        member = split_member(self.path)
        path = self.path if member is None else storage.join(member[1], member[2])
        return posixpath.dirname(path)


def input_file(entry: InputEntry) -> InputFile:
    """Return the file that a manifest names.

    Raises:
        InputError: its URL held a secret, which no manifest keeps.
    """
    if hides_secret(entry.path):
        raise InputError(
            f"{entry.path} cannot be read again: its URL holds a secret, which the manifest does "
            f"not keep"
        )
    return InputFile(path=entry.path, bytes=entry.bytes, identity=entry.identity)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The splits of a plan, made again each time they are iterated: there may be millions.

    Attributes:
        sizes: The input files, with what is known of the text in them.
        part_bytes: Text in a split.
        first: Number of the first split.
    """

    sizes: Sequence[SizedFile]
    part_bytes: int
    first: int = 0

    def __iter__(self) -> Iterator[Split]:
        """Yield the splits in order."""
        return plan_splits(self.sizes, self.part_bytes, self.first)

    @cached_property
    def _n_splits(self) -> int:
        return sum(1 for _ in self)

    def __len__(self) -> int:
        """Return the number of splits."""
        return self._n_splits

    @property
    def text_bytes(self) -> int:
        """A guess of the bytes of text in the files."""
        return sum(size.text_bytes for size in self.sizes)


def whole_file(
    config: JobConfig, source: int, file: InputFile, folders: Mapping[str, int] | None = None
) -> FileRange:
    """Return all of a file as a range.

    Args:
        folders: The labels of class folders, where these are what the reviews have.

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
        label=None if folders is None else folders[folder_label(file.folder)],
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
