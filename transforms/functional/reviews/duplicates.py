"""Repeated reviews: which ones have a text that stands elsewhere, whatever arrives first.

Equal is the text after cleaning, byte for byte; labels do not matter. Texts are compared by their
BLAKE2b hash of 128 bits. A part sends one row for each of its different texts to a bucket by hash;
the bucket, which sees all rows of a text, sends back those that are not the first. What moves are
bytes of fixed rows, `HASHED` and `REPEATED`, a few for each part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.reviews.reviews import Part
from transforms.functional.reviews.shuffling import rows_by_key
from transforms.functional.tokenization.text_arrays import text_buffers

# Where a text stands: in what the job shall not hold, in what the dataset holds already, in what
# is read now. Equal texts are sorted by this, then by their place in the inputs.
EXCLUDED, EARLIER, NEW = range(3)

HASHED = np.dtype(
    [
        ("high", "<u8"),
        ("low", "<u8"),
        ("origin", "u1"),
        ("source", "<u4"),
        ("record", "<u8"),
        ("split", "<u4"),
        ("part", "<u4"),
        ("row", "<u4"),
    ]
)
REPEATED = np.dtype([("part", "<u4"), ("row", "<u4"), ("excluded", "?")])

StructuredArray = npt.NDArray[np.void]


@dataclass(frozen=True, kw_only=True)
class DedupSource:
    """How splits are read whose reviews are only compared with those of the job.

    Attributes:
        origin: `EXCLUDED` or `EARLIER`.
        columns: The columns to read.
        sample_by: For plain text: a review a line, or a file one review.
    """

    origin: int
    columns: ReviewColumns
    sample_by: Literal["line", "document"]


def hash_part(part: Part, origin: int, n_buckets: int) -> Iterator[tuple[int, bytes]]:
    """Yield `(bucket, rows)`: a `HASHED` row for the first review with each text of the part.

    Args:
        origin: `EXCLUDED`, `EARLIER` or `NEW`.
    """
    rows = _hashed(part, origin)
    rows = rows[_leaders(rows) == np.arange(len(rows))]
    for bucket, places in rows_by_key(rows["high"] % np.uint64(n_buckets)):
        yield bucket, rows[places].tobytes()


def find_repeated(slices: Iterable[bytes], *, dedup: bool) -> Iterator[tuple[int, bytes]]:
    """Yield `(split, rows)`: a `REPEATED` row for each new review of a bucket that has to go.

    Args:
        slices: All `HASHED` rows of the bucket, in any order.
        dedup: False where only excluded texts have to go.
    """
    rows = _rows(slices, HASHED)
    leaders = _leaders(rows)
    excluded = rows["origin"][leaders] == EXCLUDED
    repeated = leaders != np.arange(len(rows)) if dedup else excluded
    gone = repeated & (rows["origin"] == NEW)
    found = np.empty(int(gone.sum()), REPEATED)
    for name in ("part", "row"):
        found[name] = rows[name][gone]
    found["excluded"] = excluded[gone]
    for split, places in rows_by_key(rows["split"][gone]):
        yield split, found[places].tobytes()


def drop_repeated(part: Part, slices: Iterable[bytes], *, dedup: bool) -> Part:
    """Return a part without the reviews that have to go, and count them.

    Args:
        slices: All `REPEATED` rows of its split, in any order.
        dedup: False where only excluded texts have to go.
    """
    found = _rows(slices, REPEATED)
    found = found[found["part"] == part.key.part]
    if not dedup and not len(found):
        return part
    leaders = _leaders(_hashed(part, NEW))
    first = leaders == np.arange(len(leaders))
    known, excluded = np.zeros((2, len(leaders)), bool)
    known[found["row"]] = True
    excluded[found["row"]] = found["excluded"]
    # What was found of the first review with a text holds for all others in the part.
    excluded = excluded[leaders]
    duplicates = ~excluded & (known | ~first) if dedup else np.zeros_like(excluded)
    counts = replace(part.cleaning, excluded=int(excluded.sum()), duplicates=int(duplicates.sum()))
    reviews = part.reviews.filter(pa.array(~(excluded | duplicates)))
    return replace(part, reviews=reviews, cleaning=counts)


def hash_texts(texts: pa.LargeStringArray) -> npt.NDArray[np.uint64]:
    """Return the BLAKE2b hash of each text as (n, 2) uint64."""
    values, offsets = text_buffers(texts)
    data = values.data
    digests = (
        hashlib.blake2b(data[start:end], digest_size=16).digest()
        for start, end in pairwise(offsets.tolist())
    )
    return np.frombuffer(b"".join(digests), "<u8").reshape(-1, 2)


def _hashed(part: Part, origin: int) -> StructuredArray:
    """Return a `HASHED` row for each review."""
    rows = np.empty(part.reviews.num_rows, HASHED)
    rows["high"], rows["low"] = hash_texts(part.reviews.column("text")).T
    rows["origin"], rows["row"] = origin, np.arange(len(rows))
    rows["split"], rows["part"] = part.key.split, part.key.part
    for name in ("source", "record"):
        rows[name] = part.reviews.column(name).to_numpy()
    return rows


def _leaders(rows: StructuredArray) -> npt.NDArray[np.intp]:
    """Return for each `HASHED` row the index of the first one, by origin and place, of its text."""
    keys = ("high", "low", "origin", "source", "record")
    order = np.lexsort([rows[name] for name in reversed(keys)])
    texts = rows[["high", "low"]][order]
    new = np.append(True, texts[1:] != texts[:-1])[: len(rows)]
    leaders = np.empty(len(rows), np.intp)
    leaders[order] = order[new][np.cumsum(new) - 1]
    return leaders


def _rows(slices: Iterable[bytes], kind: np.dtype[np.void]) -> StructuredArray:
    return np.frombuffer(b"".join(slices), kind)
