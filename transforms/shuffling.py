"""Shuffling: parts in input order become buckets in random order."""

from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass

import apache_beam as beam

from transforms import coders  # noqa: F401 - registers the coder for the slices
from transforms.functional.reviews.review_bytes import decode_reviews, encode_reviews
from transforms.functional.reviews.reviews import Part, ReviewSlice
from transforms.functional.reviews.shuffling import cut_buckets, join_bucket
from transforms.storage.scratch import Place, read_scratch, write_scratch


@dataclass(eq=False)
class ShuffleReviews(beam.PTransform):
    """Shuffle all reviews of the job, the same for the same seed on every runner.

    Args:
        n_buckets: Number of parts that come out.
        seed: Seed of the order.
        first: Number of the first part.
        scratch: Folder that all workers share, where the reviews wait for the others of their
            bucket: an engine that holds a shuffle in memory then holds only their places. None
            where the engine itself keeps them on its disks.

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
    scratch: str | None = None

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`, one a bucket."""
        cut = beam.FlatMap(cut_buckets, self.n_buckets, self.seed)
        cut = cut.with_output_types(tuple[int, ReviewSlice])
        join = beam.Map(_join_bucket, self.seed, self.first)
        if self.scratch is not None:
            cut = beam.FlatMap(cut_to_scratch, self.n_buckets, self.seed, self.scratch)
            cut = cut.with_output_types(tuple[int, Place])
            join = beam.Map(_join_from_scratch, self.seed, self.first, self.scratch)
        return (
            parts
            | "CutBuckets" >> cut
            | "GroupBuckets" >> beam.GroupByKey()
            | "SortBuckets" >> join.with_output_types(Part)
        )


def cut_to_scratch(
    part: Part, n_buckets: int, seed: int, scratch: str
) -> Iterator[tuple[int, Place]]:
    """Write the slices of a part to one scratch file; return the bucket and the place of each."""
    buckets: list[int] = []

    def encoded() -> Iterator[bytes]:
        for bucket, piece in cut_buckets(part, n_buckets, seed):
            buckets.append(bucket)
            yield encode_reviews(piece.reviews)

    places = write_scratch(scratch, str(part.key), encoded())
    return zip(buckets, places, strict=True)


def _join_bucket(grouped: tuple[int, Iterable[ReviewSlice]], seed: int, first: int) -> Part:
    bucket, slices = grouped
    return join_bucket(first + bucket, slices, seed)


def _join_from_scratch(
    grouped: tuple[int, Iterable[Place]], seed: int, first: int, scratch: str
) -> Part:
    bucket, places = grouped
    return join_bucket(first + bucket, (read_slice(scratch, place) for place in places), seed)


def read_slice(scratch: str, place: Place) -> ReviewSlice:
    """Return a slice that lies in a scratch file."""
    return ReviewSlice(decode_reviews(read_scratch(scratch, place)))
