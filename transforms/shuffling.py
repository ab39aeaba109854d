"""Shuffling: parts in input order become buckets in random order."""

from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa

from transforms import coders  # noqa: F401 - registers the coder for parts
from transforms.functional.reviews.review_bytes import (
    compress_reviews,
    decode_reviews,
    decompress_reviews,
    encode_reviews,
)
from transforms.functional.reviews.reviews import Part
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
        if self.scratch is None:
            cut = beam.FlatMap(cut_to_bytes, self.n_buckets, self.seed)
            cut = cut.with_output_types(tuple[int, bytes])
        else:
            cut = beam.FlatMap(cut_to_scratch, self.n_buckets, self.seed, self.scratch)
            cut = cut.with_output_types(tuple[int, Place])
        return (
            parts
            | "CutBuckets" >> cut
            | "GroupBuckets" >> beam.GroupByKey()
            | "SortBuckets" >> beam.Map(self.join).with_output_types(Part)
        )

    def join(self, grouped: tuple[int, Iterable[Any]]) -> Part:
        """Return a bucket as a part; its slices may lie in scratch files."""
        bucket, found = grouped
        scratch = self.scratch
        slices = (
            decompress_reviews(each) if scratch is None else read_slice(scratch, each)
            for each in found
        )
        return join_bucket(self.first + bucket, slices, self.seed)


def cut_to_bytes(part: Part, n_buckets: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield the slices of a part, compressed, each with its bucket."""
    for bucket, reviews in cut_buckets(part, n_buckets, seed):
        yield bucket, compress_reviews(reviews)


def cut_to_scratch(
    part: Part, n_buckets: int, seed: int, scratch: str
) -> Iterator[tuple[int, Place]]:
    """Write the slices of a part to one scratch file; return the bucket and the place of each."""
    buckets: list[int] = []

    def encoded() -> Iterator[bytes]:
        for bucket, reviews in cut_buckets(part, n_buckets, seed):
            buckets.append(bucket)
            yield encode_reviews(reviews)

    places = write_scratch(scratch, str(part.key), encoded())
    return zip(buckets, places, strict=True)


def read_slice(scratch: str, place: Place) -> pa.RecordBatch:
    """Return a slice that lies in a scratch file."""
    return decode_reviews(read_scratch(scratch, place))
