"""Cleaning: clean texts, and no review that stands elsewhere.

Duplicates and excluded reviews are found in a pass of their own over the inputs, then left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

import apache_beam as beam

from transforms.functional.reviews.cleaning import Cleaning, clean_part
from transforms.functional.reviews.duplicates import (
    NEW,
    DedupSource,
    drop_repeated,
    find_repeated,
    hash_part,
)
from transforms.functional.reviews.reviews import Part
from transforms.functional.reviews.splits import Split
from transforms.reading import read_split


@dataclass(eq=False)
class CleanReviews(beam.PTransform):
    """Clean the text of each review, and count those that it changed.

    Args:
        cleaning: What is done to the texts.

    Example:
        `parts`: from `ReadReviews`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(parts) | CleanReviews(Cleaning(strip_html=True))
        ...     _ = made | beam.Map(lambda part: print(part.reviews.num_rows))
        277
    """

    cleaning: Cleaning

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`."""
        return parts | beam.Map(clean_part, cleaning=self.cleaning).with_output_types(Part)


@dataclass(eq=False)
class FindRepeated(beam.PTransform):
    """Find the reviews whose text stands earlier in the inputs, or in `others`.

    It takes the parts of the job, which hold all reviews yet, from a reading of their own: so that
    no runner has to keep the texts until all hashes were compared.

    Args:
        n_buckets: Number of groups of hashes; each is compared in the memory of one worker.
        dedup: False where only excluded reviews are to be found.
        others: Pairs of how to read other reviews, and a PCollection of their `Split`s.
        cleaning: What is done to the texts of the others; the parts are clean already.
        part_bytes: Most bytes of their text in memory.

    Example:
        `copies`: parts of two files with the same reviews, from `ReadReviews`; `REPEATED`: what a
        row holds.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     find = FindRepeated(1, dedup=True, cleaning=Cleaning(), part_bytes=1 << 25)
        ...     made = pipeline | beam.Create(copies) | find
        ...     _ = made | beam.MapTuple(
        ...         lambda split, rows: print(split, len(rows) // REPEATED.itemsize)
        ...     )
        1 277
    """

    n_buckets: int
    _: KW_ONLY
    dedup: bool
    others: Sequence[tuple[DedupSource, beam.PCollection]] = ()
    cleaning: Cleaning
    part_bytes: int

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `(split, rows)` for `DropRepeated`."""
        hashed = parts | "HashReviews" >> beam.FlatMap(
            hash_part, origin=NEW, n_buckets=self.n_buckets
        ).with_output_types(tuple[int, bytes])
        others = [
            splits
            | f"HashOthers{place}"
            >> beam.FlatMap(self.hash_others, source).with_output_types(tuple[int, bytes])
            for place, (source, splits) in enumerate(self.others)
        ]
        return (
            (hashed, *others)
            | beam.Flatten()
            | "GroupByHash" >> beam.GroupByKey()
            | "FindInBuckets"
            >> beam.FlatMap(_find, dedup=self.dedup).with_output_types(tuple[int, bytes])
        )

    def hash_others(self, split: Split, source: DedupSource) -> Iterator[tuple[int, bytes]]:
        """Read a split of other reviews, and yield the rows of `hash_part`."""
        for part in read_split(
            split,
            columns=source.columns,
            sample_by=source.sample_by,
            part_bytes=self.part_bytes,
        ):
            yield from hash_part(clean_part(part, self.cleaning), source.origin, self.n_buckets)


@dataclass(eq=False)
class DropRepeated(beam.PTransform):
    """Leave out the reviews that `FindRepeated` found, and count them.

    Args:
        repeated: What it found.
        dedup: False where only excluded reviews were looked for.

    Example:
        `copies`: parts of two files with the same reviews, from `ReadReviews`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     given = pipeline | beam.Create(copies)
        ...     find = FindRepeated(1, dedup=True, cleaning=Cleaning(), part_bytes=1 << 25)
        ...     made = given | DropRepeated(given | find, dedup=True)
        ...     sizes = made | "Sizes" >> beam.Map(lambda part: part.reviews.num_rows)
        ...     _ = sizes | beam.CombineGlobally(sum) | "Print" >> beam.Map(print)
        277
    """

    repeated: beam.PCollection
    _: KW_ONLY
    dedup: bool

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`."""
        return parts | beam.Map(
            _drop,
            repeated=beam.pvalue.AsMultiMap(self.repeated),
            dedup=self.dedup,
        ).with_output_types(Part)


def _find(grouped: tuple[int, Iterable[bytes]], dedup: bool) -> Iterator[tuple[int, bytes]]:
    return find_repeated(grouped[1], dedup=dedup)


def _drop(part: Part, repeated: Mapping[int, Iterable[bytes]], dedup: bool) -> Part:
    return drop_repeated(part, repeated[part.key.split], dedup=dedup)
