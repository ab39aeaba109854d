"""What the labels are: names or numbers, of a column or of folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.input_files import InputFile
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.errors import UsageError
from transforms.functional.problem_type_names import MULTI, REGRESSION
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.read_file import LabelKind, label_kind_of
from transforms.functional.reviews.labels import class_numbers, folder_label, folder_numbers
from transforms.storage.input_files import open_file


@dataclass(frozen=True, kw_only=True)
class LabelPlan:
    """How reviews get their labels.

    Attributes:
        columns: The columns to read.
        numbers: Number of each name, where that is known before anything is read.
        are_names: True where the label column holds names, or lists of classes: the job collects
            them first.
    """

    columns: ReviewColumns
    numbers: Mapping[str, int] | None = None
    are_names: bool = False


def numbers_of_folders(
    config: JobConfig, files: Sequence[InputFile], earlier: Manifest | None
) -> Mapping[str, int] | None:
    """Return the number of each class folder; None where labels come from no folders.

    Raises:
        UsageError: a folder is none of `--label_names`.
    """
    if not config.label_from_path:
        return None
    known = None if earlier is None else earlier.label_numbers
    _check_known(config, config.classes, earlier)
    return folder_numbers((folder_label(file.folder) for file in files), config.classes, known)


def plan_labels(
    config: JobConfig,
    ranges: Sequence[FileRange],
    earlier: Manifest | None,
    folders: Mapping[str, int] | None,
) -> LabelPlan:
    """Look into the first input for its columns, and for what its labels are.

    Args:
        earlier: The dataset to add to.
        folders: The numbers of folders, where these are the labels.

    Raises:
        MissingColumnError: the first input lacks a column.
        UsageError: the classes are not those of the earlier dataset.
    """
    label = config.label_column if config.reads_labels else None
    columns = ReviewColumns(
        text=config.text_column,
        label=label,
        classes=config.classes,
        problem_type=config.problem_type,
    )
    kind = _kind_of_first(config, ranges, columns)
    if not config.reads_labels:
        return LabelPlan(columns=columns, numbers=folders)
    if config.problem_type == REGRESSION:
        return LabelPlan(columns=columns)
    classes = config.classes or kind.classes
    _check_known(config, classes, earlier)
    if classes and not config.classes:
        # An input of this night may know fewer classes than those of the nights before.
        classes = max(classes, _names_of(earlier), key=len)
    had_names = earlier is not None and earlier.label_numbers is not None
    return LabelPlan(
        columns=replace(columns, classes=classes),
        numbers=class_numbers(classes) or None,
        are_names=not classes and (config.problem_type == MULTI or kind.names or had_names),
    )


def _kind_of_first(
    config: JobConfig, ranges: Sequence[FileRange], columns: ReviewColumns
) -> LabelKind:
    """Look into the first input, and where labels are read into the next while one says nothing."""
    for file in ranges:
        with open_file(file) as stream:
            found = label_kind_of(stream, file, columns)
        if found is not None:
            return found
        if not config.reads_labels:
            break
    return LabelKind(names=False)


def _check_known(config: JobConfig, classes: Sequence[str], earlier: Manifest | None) -> None:
    """Raise `UsageError` where classes have other numbers than in the dataset to add to.

    `--label_names` has to name all of those, so that none gets lost; an input may know fewer.
    """
    if not classes or earlier is None:
        return
    known = earlier.label_numbers
    if known is None:
        raise UsageError(
            f"the dataset has integer labels without names, but the new inputs or --label_names "
            f"name them ({', '.join(classes[:3])}, ...): make a dataset of their own of them"
        )
    names = _names_of(earlier)
    least = len(names) if config.classes else min(len(names), len(classes))
    if names[:least] != tuple(classes[:least]):
        raise UsageError(
            f"the classes of the new inputs or of --label_names are {', '.join(classes)}, but "
            f"those of the dataset are {', '.join(names)}: give --label_names in that order, new "
            f"ones at the end"
        )


def _names_of(earlier: Manifest | None) -> tuple[str, ...]:
    """Return the names of a dataset's classes in the order of their numbers."""
    numbers = {} if earlier is None else earlier.label_numbers or {}
    named = (name for name, number in numbers.items() if number >= 0)
    return tuple(sorted(named, key=lambda name: numbers[name]))
