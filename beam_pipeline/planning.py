"""The plan: which files, cut into which splits, with which labels. Made before the job starts."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from beam_pipeline.config import JobConfig
from beam_pipeline.listing import InputFile, class_folders, list_inputs
from transforms import storage
from transforms.functional.errors import UsageError
from transforms.functional.labels import map_label_names
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import INDEXED, compression_of, format_of
from transforms.functional.readers.member_paths import split_member
from transforms.functional.readers.read_file import index_groups, label_type_of
from transforms.functional.splits import SizedFile, Split, plan_splits
from transforms.input_files import open_file


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the job will read.

    Attributes:
        files: The input files; their places are the `source` numbers of reviews.
        sizes: The same files with what is known of the text in them.
        splits: What each worker reads.
        columns: The columns to read.
        label_numbers: Numbers of folder labels, None where labels are no folders.
        label_names: True where the label column holds names, which the job has to collect first.
        ignored: Files in the folders given that lie in no class folder.
    """

    files: Sequence[InputFile]
    sizes: Sequence[SizedFile]
    splits: Sequence[Split]
    columns: ReviewColumns
    label_numbers: Mapping[str, int] | None
    label_names: bool
    ignored: Sequence[InputFile]

    @property
    def input_bytes(self) -> int:
        """Bytes of all input files, as stored."""
        return sum(file.bytes for file in self.files)

    @property
    def text_bytes(self) -> int:
        """A guess of the bytes of text in them."""
        return sum(size.text_bytes for size in self.sizes)


def make_plan(config: JobConfig) -> Plan:
    """List the inputs, look into the first ones, and cut them into splits.

    Raises:
        UsageError: nothing matches, or a format is unknown.
        MissingColumnError: the first input lacks a column.
    """
    files = list_inputs(config.input)
    _check_apart(config, files)
    ignored: list[InputFile] = []
    numbers = None
    if config.label_from_path:
        files, ignored = class_folders(files)
        numbers = _folder_numbers(files)
    ranges = [_whole(config, source, file, numbers) for source, file in enumerate(files)]
    columns = ReviewColumns(
        text=config.text_column, label=config.label_column if config.reads_labels else None
    )
    _check_text_has_labels(config, ranges)
    _check_read_options(config, ranges)
    label_type = _label_type(config, ranges, columns)
    sizes = [
        _sized(config, file_range, file) for file_range, file in zip(ranges, files, strict=True)
    ]
    return Plan(
        files=files,
        sizes=sizes,
        splits=list(plan_splits(sizes, config.part_bytes)),
        columns=columns,
        label_numbers=numbers,
        label_names=config.reads_labels and label_type == "name",
        ignored=ignored,
    )


def _check_apart(config: JobConfig, files: Sequence[InputFile]) -> None:
    """Raise `UsageError` where an input lies in the output: the job removes what it finds there."""
    output = storage.real_path(config.output)
    for folder in sorted({file.folder for file in files}):
        if f"{storage.real_path(folder)}/".startswith(f"{output}/"):
            raise UsageError(
                f"the inputs in {folder} lie in --output {config.output}, where the job replaces "
                f"files: choose another --output"
            )


def _folder_numbers(files: Sequence[InputFile]) -> Mapping[str, int]:
    names = sorted({_folder_name(file) for file in files})
    return map_label_names(names) or {name: int(name) for name in names}


def _folder_name(file: InputFile) -> str:
    return posixpath.basename(file.folder)


def _whole(
    config: JobConfig, source: int, file: InputFile, numbers: Mapping[str, int] | None
) -> FileRange:
    return FileRange(
        source=source,
        path=file.path,
        format=format_of(file.path, config.input_format),
        compression=compression_of(file.path),
        bytes=file.bytes,
        label=None if numbers is None else numbers[_folder_name(file)],
    )


def _check_text_has_labels(config: JobConfig, ranges: Sequence[FileRange]) -> None:
    text = next((file for file in ranges if file.format == "text"), None)
    if config.reads_labels and text is not None:
        raise UsageError(
            f"{text.path} is plain text and has no label column: for --task classification put "
            f"reviews into folders and pass --label_from_path, or use another format"
        )


def _check_read_options(config: JobConfig, ranges: Sequence[FileRange]) -> None:
    """Raise `UsageError` for options that no input makes use of."""
    formats = {file.format for file in ranges}
    if config.sample_by == "document" and "text" not in formats:
        raise UsageError(
            f"--sample_by document is for plain text, but the inputs are "
            f"{', '.join(sorted(formats))}: leave it out"
        )
    if config.text_column != "text" and formats == {"text"}:
        raise UsageError(
            f"--text_column {config.text_column}: plain text has no columns, leave it out"
        )


def _label_type(
    config: JobConfig, ranges: Sequence[FileRange], columns: ReviewColumns
) -> Literal["integer", "name"]:
    """Look into the first input, and where labels are read into the next while one says nothing."""
    for file in ranges:
        with open_file(file) as stream:
            found = label_type_of(stream, file, columns)
        if found is not None:
            return found
        if not config.reads_labels:
            break
    return "integer"


def _sized(config: JobConfig, file_range: FileRange, file: InputFile) -> SizedFile:
    """Look into the index of a large Parquet or Arrow file, so that it can be split."""
    whole = file_range.format == "text" and config.sample_by == "document"
    member = split_member(file.path)
    if member is not None:
        archive = member[1] if member[0] == "tar" else None
        return SizedFile(file=file_range, bytes=file.bytes, whole=True, archive=archive)
    sized = SizedFile(file=file_range, bytes=file.bytes, whole=whole)
    large = file.bytes > config.part_bytes
    if not large or file_range.format not in INDEXED or file_range.compression is not None:
        return sized
    with open_file(file_range) as stream:
        groups = index_groups(stream, file_range, config.text_column)
    return replace(sized, groups=tuple(groups))
