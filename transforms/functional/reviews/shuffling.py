"""A global shuffle: buckets by hash, order inside a bucket by hash; no arrival order anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.functional.counter_random import SHUFFLE, review_random
from transforms.functional.reviews.reviews import Part, PartKey


def cut_buckets(part: Part, n_buckets: int, seed: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield `(bucket, reviews)` of one part for each bucket that gets any."""
    for bucket, rows in rows_by_key(_draws(part.reviews, seed) % np.uint64(n_buckets)):
        yield bucket, part.reviews.take(pa.array(rows))


def rows_by_key(
    keys: npt.NDArray[np.unsignedinteger[Any]],
) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Yield each of (n,) keys, in order, with the rows that have it."""
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    for rows in np.split(order, edges) if len(order) else ():
        yield int(keys[rows[0]]), rows


def join_bucket(bucket: int, slices: Iterable[pa.RecordBatch], seed: int) -> Part:
    """Return a bucket as a part, in an order that does not depend on how its slices came."""
    reviews = pa.Table.from_batches(slices).combine_chunks().to_batches()[0]
    sources = reviews.column("source").to_numpy()
    records = reviews.column("record").to_numpy()
    # The hash orders; source and record settle the ties.
    order = np.lexsort((records, sources, _draws(reviews, seed)))
    return Part(key=PartKey(split=bucket, part=0), last=True, reviews=reviews.take(pa.array(order)))


def _draws(reviews: pa.RecordBatch, seed: int) -> np.ndarray:
    return review_random(
        seed,
        SHUFFLE,
        reviews.column("source").to_numpy(),
        reviews.column("record").to_numpy(),
    )
