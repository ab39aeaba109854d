"""What reviews are compared with besides each other: `--exclude`, and what is there already."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.input_files import InputFile, Splits, input_file, sized_files, whole_file
from beam_pipeline.plan.listing import class_folders, list_inputs, one_name
from transforms import storage
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.errors import ReviewShardsError, UsageError
from transforms.functional.input_names import input_name
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.reviews.duplicates import EARLIER, EXCLUDED, DedupSource
from transforms.storage.generations import read_manifest


@dataclass(frozen=True, kw_only=True)
class DedupFiles:
    """Files that are read only to compare.

    Attributes:
        source: How they are read.
        splits: What each worker reads of them.
        entry: Of an `--exclude`: its name, and what tells one version of it from the next.
    """

    source: DedupSource
    splits: Splits
    entry: InputEntry | None = None


def list_dedup_files(
    config: JobConfig,
    inputs: Sequence[InputFile],
    earlier: Manifest | None,
    columns: ReviewColumns,
    listed: Sequence[InputFile] = (),
) -> list[DedupFiles]:
    """List what the reviews of a job are compared with.

    Args:
        inputs: The job's own input files.
        earlier: The dataset that it adds to.
        columns: How the job reads its inputs.
        listed: All files that `--input` stands for; a manifest does not keep a URL's secret.

    Raises:
        UsageError: nothing matches, or one of the files is an input of the job.
        InputError: a location cannot be listed.
    """
    own = {one_name(file.path) for file in inputs}
    found = []
    for name in sorted(config.exclude):  # In which order they are given decides nothing.
        reading, files = _files_of(config, name)
        both = next((file.path for file in files if one_name(file.path) in own), None)
        if both is not None:
            raise UsageError(
                f"--exclude {name} holds {both}, which is an input of this job: nothing of it "
                f"would be left"
            )
        entry = InputEntry(
            path=input_name(storage.real_path(name)),
            bytes=sum(file.bytes for file in files),
            identity=_identity(files),
        )
        found.append(_dedup_files(reading, files, EXCLUDED, entry=entry))
    if earlier is not None and config.dedup == "exact":
        found.append(_earlier(config, earlier, columns, listed))
    return found


def _earlier(
    config: JobConfig,
    earlier: Manifest,
    columns: ReviewColumns,
    listed: Sequence[InputFile],
) -> DedupFiles:
    """Return the inputs of a dataset: what was rejected there is no duplicate here."""
    if columns.label is not None and not columns.classes:
        columns = replace(columns, label_numbers=earlier.label_numbers)
    now = {input_name(file.path): file for file in listed}
    files = [
        now.get(input_name(entry.path)) or input_file(entry) for entry in earlier.good_inputs()
    ]
    return _dedup_files(config, files, EARLIER, columns)


def _dedup_files(
    reading: JobConfig,
    files: Sequence[InputFile],
    origin: int,
    columns: ReviewColumns | None = None,
    entry: InputEntry | None = None,
) -> DedupFiles:
    """Look at the files, which the options of `reading` say how to read."""
    source = DedupSource(
        origin=origin,
        columns=columns or ReviewColumns(text=reading.text_column),
        sample_by=reading.sample_by,
    )
    ranges = [whole_file(reading, source, file) for source, file in enumerate(files)]
    sizes = list(sized_files(reading, ranges, files))
    splits = Splits(sizes=sizes, part_bytes=reading.part_bytes)
    return DedupFiles(source=source, splits=splits, entry=entry)


def _files_of(config: JobConfig, name: str) -> tuple[JobConfig, Sequence[InputFile]]:
    """Return the files that `--exclude` names, and how to read them.

    A dataset stands for the inputs that its manifest names, read as they were for it; anything else
    is read as the inputs of this job.
    """
    if not storage.exists(storage.join(name, MANIFEST_NAME)):
        try:
            any_format = config.input_format != "auto"
            listed = list_inputs([name], any_format=any_format).files
        except ReviewShardsError as error:
            raise type(error)(f"--exclude {name}: {error}") from error
        return config, class_folders(listed)[0] if config.label_from_path else listed
    manifest = read_manifest(name)
    options = {"text_column", "input_format", "sample_by", "delimiter", "quoting", "escape"}
    # A manifest leaves younger options out where they had their defaults.
    defaults: dict[str, Any] = {field.name: field.default for field in fields(config)}
    as_then = {**defaults, **manifest.config}
    reading = replace(config, **{option: as_then[option] for option in options})
    return reading, list(map(input_file, manifest.good_inputs()))


def _identity(files: Sequence[InputFile]) -> str:
    """Return a hash of what tells one version of the files from the next."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{input_name(file.path)}\n{file.bytes}\n{file.identity}\n".encode())
    return f"sha256:{digest.hexdigest()}"
