"""Labels that are names: one mapping to numbers for the whole dataset."""

from collections.abc import Iterable, Iterator

import apache_beam as beam

from transforms.functional.labels import check_label_count, map_label_names
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.splits import Split
from transforms.reading import read_split_chunks


class CollectLabels(beam.PTransform):
    """Find all label names in the inputs and number them, before any review is tokenized.

    Reads only the label column where the format allows it.

    Args:
        label_column: Name of the column.
    """

    def __init__(self, label_column: str) -> None:
        """Store the options."""
        super().__init__()
        self.columns = ReviewColumns(text=label_column)

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of one `{name: number}`, or None where all names are integers."""
        return (
            splits
            | "FindLabelNames" >> beam.FlatMap(label_names_of_split, columns=self.columns)
            | "UniteLabelNames" >> beam.CombineGlobally(_UniteNamesFn())
            | "NumberLabelNames" >> beam.Map(map_label_names)
        )


def label_names_of_split(split: Split, columns: ReviewColumns) -> Iterator[frozenset[str]]:
    """Yield the set of label names in a split."""
    names: set[str] = set()
    for chunk in read_split_chunks(split, columns, "line"):
        names.update(chunk.reviews.column("text").unique().to_pylist())
        check_label_count(len(names))
    yield frozenset(names)


class _UniteNamesFn(beam.CombineFn):
    """The union of sets."""

    def create_accumulator(self) -> frozenset[str]:
        return frozenset()

    def add_input(self, accumulator: frozenset[str], names: frozenset[str]) -> frozenset[str]:
        return self.merge_accumulators([accumulator, names])

    def merge_accumulators(self, accumulators: Iterable[frozenset[str]]) -> frozenset[str]:
        united = frozenset().union(*accumulators)
        check_label_count(len(united))
        return united

    def extract_output(self, accumulator: frozenset[str]) -> frozenset[str]:
        return accumulator
