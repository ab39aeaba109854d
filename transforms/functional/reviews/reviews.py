"""Reviews as Arrow batches, and the parts that flow through the pipeline.

A *chunk* is what a reader hands over: reviews in input order, and the records that it could not
read. A *part* is at most `part_bytes` of consecutive review text of one split: the element of the
pipeline. Chunk borders are an accident of reading; part borders follow from the text alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.ledger import ReviewCounts
from transforms.functional.problem_type_names import SINGLE
from transforms.functional.reviews.problem_types import LABEL_TYPES
from transforms.functional.tokenization.text_arrays import text_buffers


def review_schema(label_type: pa.DataType) -> pa.Schema:
    """Return the schema of reviews with labels of one type (see `LABEL_TYPES`)."""
    return pa.schema(
        [
            ("text", pa.large_string()),
            # Null where the task needs none.
            ("label", label_type),
            # Index of the input file in the manifest.
            ("source", pa.uint32()),
            # Place in that file: its row number, or the byte offset of its line (docs/format.md).
            ("record", pa.uint64()),
        ]
    )


REVIEW_SCHEMAS = tuple(map(review_schema, LABEL_TYPES.values()))
REVIEW_SCHEMA = review_schema(LABEL_TYPES[SINGLE])  # Of reviews without labels, too.

MAX_RECORDS_PER_PART = 1 << 22  # Bounds the memory of a part made of empty reviews.


@dataclass(frozen=True, kw_only=True)
class RejectedRecord:
    """One record that is not a review: where it stood, why, and what it held.

    `path` is the input file's; readers know only its index, `source`.
    """

    source: int
    record: int
    reason: str
    raw: bytes
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class ReviewChunk:
    """Consecutive reviews (one of `REVIEW_SCHEMAS`) and the rejected records among them.

    Both are in input order: by file, and by place in the file.
    """

    reviews: pa.RecordBatch
    rejected: tuple[RejectedRecord, ...] = ()


@dataclass(frozen=True, order=True, kw_only=True)
class PartKey:
    """Name of a part: the number of its split (or bucket), and its number inside that split."""

    split: int
    part: int

    def __str__(self) -> str:
        """Return a file name stem that sorts as the key does."""
        return f"{self.split:07d}-{self.part:04d}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Consecutive records of one split, at most `part_bytes` of them (or one longer record).

    Attributes:
        key: The name of the part.
        last: True on the last part of its split; every split has at least one part.
        reviews: Rows of one of `REVIEW_SCHEMAS`.
        rejected: The records among them that could not be read as reviews.
        cleaning: What was done to the reviews since they were read.
    """

    key: PartKey
    last: bool
    reviews: pa.RecordBatch
    rejected: tuple[RejectedRecord, ...] = ()
    cleaning: ReviewCounts = field(default_factory=ReviewCounts)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the reviews, their labels and places: what a shard is a function of."""
        return digest_of(self.reviews)


def digest_of(reviews: pa.RecordBatch) -> str:
    """Return the SHA-256 of reviews by value, however their arrays are sliced."""
    values, offsets = text_buffers(reviews.column("text"))
    digest = hashlib.sha256(np.diff(offsets).tobytes())
    digest.update(values[offsets[0] : offsets[-1]].data)
    for name in ("label", "source", "record"):
        column = reviews.column(name)
        digest.update(column.is_null().to_numpy(zero_copy_only=False).tobytes())
        if pa.types.is_list(column.type):
            digest.update(pc.list_value_length(column).fill_null(0).to_numpy().tobytes())
            column = column.flatten()
        digest.update(column.fill_null(0).to_numpy().tobytes())
    return digest.hexdigest()


def make_reviews(
    texts: pa.Array, labels: pa.Array | None, sources: np.ndarray, records: np.ndarray
) -> pa.RecordBatch:
    """Return rows of one of `REVIEW_SCHEMAS` from columns.

    Args:
        texts: (n,) strings.
        labels: (n,) of one of `LABEL_TYPES`, or None where the task needs no label.
        sources: (n,) uint32, the index of each review's input file.
        records: (n,) uint64, the place of each review in its file.
    """
    labels = pa.nulls(len(texts), LABEL_TYPES[SINGLE]) if labels is None else labels
    return pa.record_batch(
        [
            texts.cast(pa.large_string()),
            labels,
            pa.array(sources, pa.uint32()),
            pa.array(records, pa.uint64()),
        ],
        schema=review_schema(labels.type),
    )


def text_lengths(reviews: pa.RecordBatch) -> np.ndarray:
    """Return (n,) int64, the bytes of each review's UTF-8 text."""
    return np.diff(text_buffers(reviews.column("text"))[1])


def _records_of(chunk: ReviewChunk) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of each record, reviews and rejected ones in input order, and which it is.

    Returns:
        (n,) int64 bytes, and (n,) bool, True for a review.
    """
    lengths = text_lengths(chunk.reviews)
    if not chunk.rejected:
        return lengths, np.ones(len(lengths), bool)
    raw_lengths = np.array([len(item.raw) for item in chunk.rejected], np.int64)
    sources = np.array([item.source for item in chunk.rejected], np.uint32)
    places = np.array([item.record for item in chunk.rejected], np.uint64)
    order = np.lexsort(
        (
            np.concatenate([chunk.reviews.column("record").to_numpy(), places]),
            np.concatenate([chunk.reviews.column("source").to_numpy(), sources]),
        )
    )
    return np.concatenate([lengths, raw_lengths])[order], order < len(lengths)


@dataclass(kw_only=True)
class _OpenPart:
    """The part that is being filled."""

    slices: list[pa.RecordBatch] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    n_records: int = 0
    n_bytes: int = 0

    def close(self, key: PartKey, last: bool) -> Part:
        """Return what was gathered, in one batch."""
        schema = self.slices[0].schema if self.slices else REVIEW_SCHEMA
        batches = pa.Table.from_batches(self.slices, schema).combine_chunks().to_batches()
        reviews = batches[0] if batches else pa.RecordBatch.from_pylist([], schema)
        return Part(key=key, last=last, reviews=reviews, rejected=tuple(self.rejected))


def cut_parts(chunks: Iterable[ReviewChunk], split: int, part_bytes: int) -> Iterator[Part]:
    """Cut a split's chunks into parts of at most `part_bytes`.

    The bytes are those of review text, and of rejected records as they stood in the file, so that
    a file full of these does not fill the memory. A longer record is a part by itself. Where the
    borders fall depends on the records alone, not on how they were chunked. At least one part comes
    out, possibly an empty one, and only the last is `last`.
    """
    number = 0
    current = _OpenPart()
    for chunk in chunks:
        lengths, is_review = _records_of(chunk)
        ends = np.cumsum(lengths)
        reviews_before = np.append(0, np.cumsum(is_review))
        start = 0
        while start < len(lengths):
            before = ends[start] - lengths[start]
            stop = int(np.searchsorted(ends, before + part_bytes - current.n_bytes, "right"))
            stop = min(stop, start + MAX_RECORDS_PER_PART - current.n_records)
            if current.n_records == 0:
                stop = max(stop, start + 1)
            if stop > start:
                first, end = reviews_before[start].item(), reviews_before[stop].item()
                current.slices.append(chunk.reviews.slice(first, end - first))
                current.rejected.extend(chunk.rejected[start - first : stop - end])
                current.n_records += stop - start
                current.n_bytes += int(ends[stop - 1] - before)
                start = stop
            if start < len(lengths):
                yield current.close(PartKey(split=split, part=number), last=False)
                number, current = number + 1, _OpenPart()
    yield current.close(PartKey(split=split, part=number), last=True)


def with_column(reviews: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    """Return the same reviews with other texts, or with labels that are classes."""
    place = REVIEW_SCHEMA.get_field_index(name)
    return reviews.set_column(place, REVIEW_SCHEMA.field(place), values)


def with_label(chunk: ReviewChunk, label: int) -> ReviewChunk:
    """Return a chunk whose reviews all carry `label`."""
    labels = pa.array(np.full(chunk.reviews.num_rows, label, np.int64))
    return replace(chunk, reviews=with_column(chunk.reviews, "label", labels))
