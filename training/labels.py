"""The classes of a dataset: their names, and whether the rows' labels are among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from training.data import Data
from training.reading.dataset import ShardDataset
from training.reading.row_reader import RowBatch
from training.reading.row_subset import RowSource
from transforms.functional.errors import DatasetError, UsageError
from transforms.functional.problem_type_names import MULTI, REGRESSION
from transforms.functional.reviews.problem_types import HOT

_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Classes:
    """The classes that a model is trained for.

    Attributes:
        names: Their names, in order; none for mlm.
        warnings: What a person should know of them, one line each.
    """

    names: list[str]
    warnings: list[str]


def find_classes(data: Data, num_labels: int | None) -> Classes:
    """Return the classes of the training rows, after checking all labels that lie near.

    Rows of a remote dataset are not read here: `check_labels` looks at each batch.

    Args:
        data: What is trained and evaluated on.
        num_labels: How many classes there are; default: the names in the manifest, or as many as
            the labels say.

    Raises:
        DatasetError: a label is below 0, an evaluation row has one that no training row has, or
            the classes can be counted nowhere.
        UsageError: `num_labels` is not above every label, or goes with no classes.
    """
    if data.problem_type in (None, REGRESSION):
        if num_labels is not None:
            raise UsageError(
                f"--num_labels {num_labels} is for classes, and labels are "
                f"{'numbers' if data.problem_type else 'tokens'} here: leave it out"
            )
        return Classes([], [])
    counts = {"training": count_labels(data.train)}
    if data.evaluation is not None:
        counts["evaluation"] = count_labels(data.evaluation)
    is_listed = data.problem_type == MULTI
    names = (_listed if is_listed else _counted)(data.datasets[0], num_labels, counts)
    warnings = []
    for subset, found in counts.items():
        # Without the training rows' labels there is nothing to miss among those of others.
        missing = [] if found is None else [n for i, n in enumerate(names) if i not in found]
        if missing and (is_listed or counts["training"] is not None):
            labels = ", ".join(map(repr, missing[:5]))
            warnings.append(f"warning: no {subset} row has the label {labels}")
    return Classes(names, warnings)


def count_labels(rows: RowSource) -> dict[int, int] | None:
    """Return how many rows have each label; None for rows of a remote dataset."""
    if not rows.is_local:
        return None
    labels, counts = rows.with_columns(["labels"]), dict[int, int]()
    for begin in range(0, len(labels), _ROWS_AT_ONCE):
        part = np.arange(begin, min(begin + _ROWS_AT_ONCE, len(labels)))
        values = labels[RowBatch(part, np.zeros_like(part))]["labels"].numpy()
        # Of several classes those that apply to a row.
        values = np.nonzero(values >= HOT)[1] if values.ndim == 2 else values
        for label, count in zip(*np.unique(values, return_counts=True), strict=True):
            counts[int(label)] = counts.get(int(label), 0) + int(count)
    return counts


def check_labels(labels: torch.Tensor, n_classes: int) -> None:
    """Refuse a batch with a label that is no class; in a model it would be an index out of bounds.

    Raises:
        DatasetError: there is one.
    """
    wrong = labels[(labels < 0) | (labels >= n_classes)]
    if len(wrong):
        raise DatasetError(
            f"a row has the label {int(wrong[0])}, which is no class: there are {n_classes}, from "
            f"0 to {n_classes - 1}; give another --num_labels, or leave such reviews out of the "
            f"dataset"
        )


def _listed(dataset: ShardDataset, num_labels: int | None, _: object) -> list[str]:
    """Return the classes that rows have several of: those that the manifest lists."""
    numbers = dataset.manifest.label_numbers or {}
    names = sorted(numbers, key=lambda name: numbers[name])
    if not names:
        raise DatasetError(
            f"{dataset.location.url} has no classes: every list of classes is empty; is another "
            f"--label_column meant?"
        )
    if num_labels not in (None, len(names)):
        raise UsageError(
            f"--num_labels {num_labels}: rows have a label for each of {len(names)} classes; "
            f"leave it out"
        )
    return names


def _counted(
    dataset: ShardDataset, num_labels: int | None, counts: Mapping[str, Mapping[int, int] | None]
) -> list[str]:
    """Return the classes that rows have one of: the names in the manifest, and what was counted."""
    labels = sorted({label for found in counts.values() for label in found or ()})
    named = {number: name for name, number in (dataset.manifest.label_numbers or {}).items()}
    largest = max([*named, *labels], default=None)
    if num_labels is not None and largest is not None and num_labels <= largest:
        raise UsageError(
            f"--num_labels {num_labels}: a row has the label {largest}, so give at least "
            f"{largest + 1}, or leave it out"
        )
    if num_labels is None and largest is None:
        raise DatasetError(
            f"{dataset.location.url} does not say how many classes there are, and is too far to "
            f"count them: give --num_labels"
        )
    if labels and labels[0] < 0:
        raise DatasetError(
            f"{dataset.location.url} has rows with the label {labels[0]} "
            f"({named.get(labels[0], str(labels[0]))!r}), which is no class: classes are 0, 1, "
            f"...; leave unlabelled reviews out when making it"
        )
    n_classes = num_labels if num_labels is not None else (largest or 0) + 1
    names = [named.get(number, str(number)) for number in range(n_classes)]
    train, evaluation = counts["training"], counts.get("evaluation")
    unseen = [] if train is None else sorted(set(evaluation or ()) - set(train))
    if unseen:
        raise DatasetError(
            f"evaluation rows have the label {names[unseen[0]]!r} ({unseen[0]}), which no "
            f"training row has: evaluate on a dataset with the training set's labels"
        )
    return names
