"""The plan: which files, cut into which splits, with which labels. Made before the job starts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.changed_inputs import InputChanges, compare_inputs
from beam_pipeline.plan.deduplication import DedupFiles, list_dedup_files
from beam_pipeline.plan.input_files import InputFile, Splits, sized_files, whole_file
from beam_pipeline.plan.label_plan import LabelPlan, numbers_of_folders, plan_labels
from beam_pipeline.plan.listing import class_folders, list_inputs
from beam_pipeline.plan.tokenizer_source import TOKENIZER_FOLDER
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.errors import UsageError
from transforms.functional.readers.file_range import FileRange
from transforms.functional.reviews.subsets import subset_of_path

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the job will read.

    Attributes:
        files: The input files.
        splits: What each worker reads, and what is known of the text in the files.
        labels: How reviews get their labels, and which columns are read.
        ignored: Files in the folders given that lie in no class folder.
        passed_over: Files in the folders given that hold no reviews.
        earlier: The dataset that the job adds to; its inputs and splits keep their numbers.
        changes: What became of the inputs of that dataset.
        dedup_files: Files that the reviews are compared with besides each other.
        generation: Number of the generation that the job makes.
        tokenizer_folder: Where, below the output, the copy of the tokenizer lies.
        validation_sources: Where paths say the subset: (first, end) of each run of input files
            that are for validation.
    """

    files: Sequence[InputFile]
    splits: Splits
    labels: LabelPlan
    ignored: Sequence[InputFile] = ()
    passed_over: Sequence[InputFile] = ()
    earlier: Manifest | None = None
    changes: InputChanges | None = None
    dedup_files: Sequence[DedupFiles] = ()
    generation: int = 1
    tokenizer_folder: str = TOKENIZER_FOLDER
    validation_sources: tuple[tuple[int, int], ...] | None = None

    @property
    def input_bytes(self) -> int:
        """Bytes of all input files, as stored."""
        return sum(file.bytes for file in self.files)


def make_plan(config: JobConfig, earlier: Manifest | None = None) -> Plan:
    """List the inputs, look into the first ones, and cut them into splits.

    Args:
        earlier: The dataset to add to; its inputs are left out.

    Raises:
        OutputError: an input of the earlier dataset has changed or vanished.
        UsageError: nothing matches, or a format is unknown.
        MissingColumnError: the first input lacks a column.
    """
    # A folder without files is no mistake of a scheduled run: nothing is new.
    listing = list_inputs(
        config.input,
        may_be_empty=config.append,
        any_format=config.input_format != "auto",
        all_subsets=config.subset_from_path,
    )
    _check_apart(config, listing.files)
    files, ignored = class_folders(listing.files) if config.label_from_path else (listing.files, [])
    if earlier is None:
        found, plan = None, plan_of(config, files, None)
    else:
        found = compare_inputs(
            config.input,
            files,
            earlier.inputs,
            quarantined=earlier.quarantined,
            max_rejected_fraction=config.max_rejected_fraction,
        )
        found.check(
            ignore_changed=config.ignore_changed,
            ignore_vanished=config.ignore_vanished,
            compared=config.dedup == "exact",
        )
        plan = plan_of(config, found.new, earlier, listed=files)
    _warn_of_mixed_subsets(config, plan.files)
    return replace(plan, ignored=ignored, passed_over=listing.passed_over, changes=found)


def plan_of(
    config: JobConfig,
    files: Sequence[InputFile],
    earlier: Manifest | None,
    *,
    listed: Sequence[InputFile] = (),
) -> Plan:
    """Look into the first files, and cut all of them into splits.

    Args:
        earlier: The dataset to add to, whose inputs and splits come before these.
        listed: All files that `--input` stands for, those of `earlier` among them.

    Raises:
        UsageError: a format is unknown, or an option goes with none of them.
        MissingColumnError: the first input lacks a column.
    """
    folders = numbers_of_folders(config, files, earlier)
    first = 0 if earlier is None else len(earlier.inputs)
    ranges = [whole_file(config, source, file, folders) for source, file in enumerate(files, first)]
    _check_read_options(config, ranges)
    labels = plan_labels(config, ranges, earlier, folders)
    splits = Splits(
        sizes=list(sized_files(config, ranges, files)),
        part_bytes=config.part_bytes,
        first=0 if earlier is None else earlier.n_splits(),
    )
    return Plan(
        files=files,
        splits=splits,
        labels=labels,
        earlier=earlier,
        dedup_files=list_dedup_files(config, files, earlier, labels.columns, listed),
        generation=1 if earlier is None else earlier.generation + 1,
        tokenizer_folder=TOKENIZER_FOLDER if earlier is None else earlier.tokenizer.folder,
        validation_sources=_validation_sources(config, ranges),
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


def _validation_sources(
    config: JobConfig, ranges: Sequence[FileRange]
) -> tuple[tuple[int, int], ...] | None:
    """Return the runs of files that their paths put into validation, None without the option.

    Raises:
        UsageError: a path says no subset.
    """
    if not config.subset_from_path:
        return None
    runs: list[tuple[int, int]] = []
    for file in ranges:
        subset = subset_of_path(file.path)
        if subset is None:
            raise UsageError(
                f"--subset_from_path: {file.path} lies in no folder such as train, validation, dev "
                f"or test, and is not called so: leave it out of --input, or leave the option out"
            )
        if subset == "validation":
            adjoins = bool(runs) and runs[-1][1] == file.source
            first = runs.pop()[0] if adjoins else file.source
            runs.append((first, file.source + 1))
    return tuple(runs)


def _warn_of_mixed_subsets(config: JobConfig, files: Sequence[InputFile]) -> None:
    kept_apart = config.subset_from_path or config.validation_fraction
    if config.task != "classification" or config.quiet or kept_apart:
        return
    found = {subset_of_path(file.path) for file in files}
    if {"train", "validation"} <= found:
        _log.warning(
            "training reviews and those to test with become one subset: --subset_from_path keeps "
            "them apart as their paths say, or name one folder with --input"
        )


def _check_read_options(config: JobConfig, ranges: Sequence[FileRange]) -> None:
    """Raise `UsageError` for plain text without labels, and options that no input makes use of."""
    text = next((file for file in ranges if file.format == "text"), None)
    if config.reads_labels and text is not None:
        raise UsageError(
            f"{text.path} is plain text and has no label column: for --task classification put "
            f"reviews into folders and pass --label_from_path, or use another format"
        )
    formats = {file.format for file in ranges}
    if not formats:  # Nothing is new.
        return
    if config.sample_by == "document" and "text" not in formats:
        raise UsageError(
            f"--sample_by document is for plain text, but the inputs are "
            f"{', '.join(sorted(formats))}: leave it out"
        )
    for name in ("delimiter", "quoting", "escape"):
        value = getattr(config, name)
        if value != getattr(JobConfig, name) and not formats & {"csv", "tsv"}:
            raise UsageError(
                f"--{name} {value} is for CSV and TSV, but the inputs are "
                f"{', '.join(sorted(formats))}: leave it out"
            )
    if config.text_column != "text" and formats == {"text"}:
        raise UsageError(
            f"--text_column {config.text_column}: plain text has no columns, leave it out"
        )
