"""Shuffling: parts in input order become buckets in random order."""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass

import apache_beam as beam

from transforms import coders  # noqa: F401 - registers the coder for the slices
from transforms.functional.reviews.reviews import Part, ReviewSlice
from transforms.functional.reviews.shuffling import cut_buckets, join_bucket


@dataclass(eq=False)
class ShuffleReviews(beam.PTransform):
    """Shuffle all reviews of the job, the same for the same seed on every runner.

    Args:
        n_buckets: Number of parts that come out.
        seed: Seed of the order.
        first: Number of the first part.

    Example:
        `parts`: from `ReadReviews`. It shows where the first reviews stood in their file.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(parts) | ShuffleReviews(1, seed=0)
        ...     records = made | beam.Map(lambda part: part.reviews.column("record").to_pylist())
        ...     _ = records | "Print" >> beam.Map(lambda places: print(places[:3]))
        [47207, 8525, 95476]
    """

    n_buckets: int
    _: KW_ONLY
    seed: int
    first: int = 0

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`, one a bucket."""
        return (
            parts
            | "CutBuckets"
            >> beam.FlatMap(cut_buckets, self.n_buckets, self.seed).with_output_types(
                tuple[int, ReviewSlice]
            )
            | "GroupBuckets" >> beam.GroupByKey()
            | "SortBuckets" >> beam.Map(_join_bucket, self.seed, self.first).with_output_types(Part)
        )


def _join_bucket(grouped: tuple[int, Iterable[ReviewSlice]], seed: int, first: int) -> Part:
    bucket, slices = grouped
    return join_bucket(first + bucket, slices, seed)
