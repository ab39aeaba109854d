"""Dicts and strings become parts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import apache_beam as beam

from transforms import coders  # noqa: F401 - registers the coder for parts
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.reviews.from_dicts import LooseReview, loose_review, parts_of
from transforms.functional.reviews.reviews import Part


@dataclass(eq=False)
class ReviewsFromDicts(beam.PTransform):
    """Gather dicts, or strings, into parts: the same ones, in whatever order and bundles they come.

    Reviews are spread over splits and ordered by a hash of their text, which is their `record`.
    What is no review is among the rejected records of its part, as in a file.

    Args:
        columns: Names of the keys; a string is a text without a label.
        n_splits: Number of splits; a worker holds one of them in memory.
        part_bytes: Most bytes of text in a part.

    Example:
        >>> reviews = [{"text": "A fine film.", "stars": 5}, {"text": "Dull.", "stars": 1}]
        >>> columns = ReviewColumns(text="text", label="stars")
        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(reviews) | ReviewsFromDicts(columns, n_splits=1)
        ...     _ = made | beam.Map(lambda part: print(part.reviews.column("label").to_pylist()))
        [5, 1]
    """

    columns: ReviewColumns
    _: KW_ONLY
    n_splits: int
    part_bytes: int = 32 << 20

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("n_splits", "part_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    def expand(self, reviews: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`, at least one for each split."""
        keyed = reviews | "HashTexts" >> beam.Map(
            _keyed, self.columns, self.n_splits
        ).with_output_types(tuple[int, Any])
        # A split without reviews has a part, too, so that nobody takes it for lost.
        splits = reviews.pipeline | "AllSplits" >> beam.Create(
            [(number, None) for number in range(self.n_splits)]
        ).with_output_types(tuple[int, Any])
        return (
            (keyed, splits)
            | beam.Flatten()
            | "GroupSplits" >> beam.GroupByKey()
            | "MakeParts"
            >> beam.FlatMap(_make_parts, self.columns, self.part_bytes).with_output_types(Part)
        )


def _keyed(
    review: Mapping[str, Any] | str, columns: ReviewColumns, n_splits: int
) -> tuple[int, tuple[Any, ...]]:
    loose = loose_review(review, columns)
    return loose.record % n_splits, tuple(loose)


def _make_parts(
    grouped: tuple[int, Iterable[tuple[Any, ...] | None]], columns: ReviewColumns, part_bytes: int
) -> Iterator[Part]:
    split, reviews = grouped
    there = (LooseReview(*review) for review in reviews if review is not None)
    yield from parts_of(there, split, columns, part_bytes)
