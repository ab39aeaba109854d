"""Reviews from dicts or strings in any order: the same parts, however they came."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from transforms.functional.readers.columns import ReviewColumns, label_array, review_chunk
from transforms.functional.reviews.reviews import Part, RejectedRecord, cut_parts

_LARGEST = (1 << 63) - 1


class LooseReview(NamedTuple):
    """A review without a place: its record number is a hash of its text, which finds it again."""

    record: int
    text: Any
    label: Any


def loose_review(review: Mapping[str, Any] | str, columns: ReviewColumns) -> LooseReview:
    """Return a review of a dict, or of a string that is its text."""
    if isinstance(review, str):
        review = {columns.text: review}
    text = review.get(columns.text)
    label = None if columns.label is None else review.get(columns.label)
    return LooseReview(xxhash.xxh3_64_intdigest(_encoded(text)) & _LARGEST, text, label)


def _encoded(text: Any) -> bytes:
    return str(text).encode("utf-8", "surrogatepass")


def parts_of(
    reviews: Iterable[LooseReview], split: int, columns: ReviewColumns, part_bytes: int
) -> Iterator[Part]:
    """Yield the parts of all reviews of one split, in order of their hashes.

    What is no text, and what has a label that is none, is rejected.
    """
    ordered = sorted(reviews, key=lambda review: (review.record, repr(review)))
    wrong = [review for review in ordered if not isinstance(review.text, str | None)]
    good = [review for review in ordered if isinstance(review.text, str | None)]
    texts = [None if review.text is None else _encoded(review.text) for review in good]
    chunk = review_chunk(
        texts=pa.array(texts, pa.large_binary()),
        labels=None if columns.label is None else label_array([review.label for review in good]),
        records=np.array([review.record for review in good], np.uint64),
        source=0,
        columns=columns,
        raw=lambda row: _raw(good[row]),
        rejected=tuple(
            RejectedRecord(
                source=0,
                record=review.record,
                reason=f"{columns.text} is of type {type(review.text).__name__}, not str",
                raw=_raw(review),
            )
            for review in wrong
        ),
    )
    yield from cut_parts([chunk], split, part_bytes)


def _raw(review: LooseReview) -> bytes:
    return json.dumps({"text": review.text, "label": review.label}, default=str).encode()
