"""Labels that are names: one mapping to numbers for the whole dataset."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import apache_beam as beam

from transforms.functional.problem_type_names import MULTI, SINGLE, ProblemType
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.reviews.labels import (
    add_label_names,
    are_numbers,
    check_label_count,
    map_label_names,
)
from transforms.functional.reviews.problem_types import class_names_in, number_classes
from transforms.functional.reviews.splits import Split
from transforms.reading import read_split_chunks


@dataclass(eq=False)
class CollectLabels(beam.PTransform):
    """Find all label names in the inputs and number them, before any review is tokenized.

    Reads only the label column where the format allows it.

    Args:
        label_column: Name of the column.
        known: Numbers that names have already, in a dataset that the job adds to.
        problem_type: What a label is: a name, or a list of classes.

    Example:
        `splits`: what `plan_splits` cuts the files into.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(splits) | CollectLabels("label")
        ...     _ = made | beam.Map(print)
        {'neg': 0, 'pos': 1}
    """

    label_column: str
    known: Mapping[str, int] | None = None
    problem_type: ProblemType = SINGLE

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of one `{name: number}`, of none where all names are integers."""
        columns = ReviewColumns(
            text=self.label_column, only_names=True, problem_type=self.problem_type
        )
        number = _number_classes if self.problem_type == MULTI else _number_names
        return (
            splits
            | "FindLabelNames" >> beam.FlatMap(label_names_of_split, columns=columns)
            | "UniteLabelNames" >> beam.CombineGlobally(_unite)
            | "NumberLabelNames" >> beam.Map(number, known=self.known)
            # None is no element that engines in Java can hand to a side input.
            | "AnyNumbers" >> beam.Filter(bool).with_output_types(dict[str, int])
        )


def _number_names(names: list[str], known: Mapping[str, int] | None) -> dict[str, int]:
    if known is not None:
        return add_label_names(names, known)
    return {} if are_numbers(names) else map_label_names(names)


def _number_classes(found: list[str], known: Mapping[str, int] | None) -> dict[str, int]:
    return number_classes(map(json.loads, found), known)


def label_names_of_split(split: Split, columns: ReviewColumns) -> Iterator[list[str]]:
    """Yield the different label names in a split, sorted; of lists the classes, as JSON."""
    names: set[str] = set()
    for chunk in read_split_chunks(split, columns, "line"):
        found = chunk.reviews.column("text").unique().to_pylist()
        if columns.problem_type == MULTI:
            found = [json.dumps(name) for text in found for name in class_names_in(text)]
        names.update(found)
        check_label_count(len(names))
    yield sorted(names)


def _unite(names: Iterable[list[str]]) -> list[str]:
    """Return the union of lists, sorted: a set's order differs from process to process."""
    united = set[str]().union(*names)
    check_label_count(len(united))
    return sorted(united)
