"""What flows between the transforms after reading, and the receipts that come out at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.functional.dataset.manifest_entries import ShardEntry, Subset
from transforms.functional.ledger import Ledger, ReviewCounts
from transforms.functional.reviews.reviews import Part, PartKey
from transforms.functional.rows.rows import PackedReviews
from transforms.functional.tokenization.tokens import Tokens, offsets_of

Labels = npt.NDArray[np.int64] | npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReviewIndex:
    """Where each review of a part came from, and its class label.

    Attributes:
        sources: (n_reviews,) uint32, index of the input file.
        records: (n_reviews,) uint64, place in that file.
        labels: (n_reviews,) int64 classes or float32 numbers, or (n_reviews, n_classes) float32
            multi-hot; None where the task needs no label.
    """

    sources: npt.NDArray[np.uint32]
    records: npt.NDArray[np.uint64]
    labels: Labels | None = None

    def take(self, chosen: npt.NDArray[np.bool_]) -> ReviewIndex:
        """Return the chosen reviews."""
        labels = None if self.labels is None else self.labels[chosen]
        return ReviewIndex(
            sources=self.sources[chosen], records=self.records[chosen], labels=labels
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenizedPart:
    """A part as token ids.

    Attributes:
        key: The part's key.
        digest: The part's digest.
        index: Where its reviews came from.
        tokens: The reviews as tokens.
        subset: Where its rows will go.
        texts: (n_reviews,) the reviews themselves; None once they are divided into subsets.
    """

    key: PartKey
    digest: str
    index: ReviewIndex
    tokens: Tokens
    subset: Subset = "train"
    texts: pa.LargeStringArray | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedPart:
    """A part as rows."""

    key: PartKey
    digest: str
    index: ReviewIndex
    packed: PackedReviews
    subset: Subset


@dataclass(frozen=True, kw_only=True)
class ReadReceipt:
    """What was read of one part, after its rejected records were written.

    Attributes:
        key: The part's key.
        last: True on the last part of its split.
        reviews: Records read and rejected, and reviews that cleaning changed or took out.
        reasons: The rejected records by kind of reason.
        rejected_in: The rejected records by input file, as its index.
    """

    key: PartKey
    last: bool
    reviews: ReviewCounts
    reasons: Mapping[str, int] = field(default_factory=dict)
    rejected_in: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ShardReceipt:
    """What one part gave to one subset, after its shard was written.

    Attributes:
        shard: The shard; None where there was no row to write.
        subset: Where it belongs.
        ledger: Where the part's reviews for this subset, and their tokens, went.
    """

    shard: ShardEntry | None
    subset: Subset
    ledger: Ledger


def index_of(part: Part) -> ReviewIndex:
    """Return where a part's reviews came from."""
    labels = part.reviews.column("label")
    has_labels = labels.null_count == 0 and len(labels) > 0
    return ReviewIndex(
        sources=part.reviews.column("source").to_numpy(),
        records=part.reviews.column("record").to_numpy(),
        labels=_values(labels) if has_labels else None,
    )


def _values(labels: pa.Array) -> Labels:
    """Return labels as an array; lists are all of one length."""
    if not pa.types.is_list(labels.type):
        values: Labels = labels.to_numpy()
        return values
    flat: npt.NDArray[np.float32] = labels.flatten().to_numpy()
    return flat.reshape(len(labels), -1)


def take_reviews(
    part: TokenizedPart, chosen: npt.NDArray[np.bool_], subset: Subset
) -> TokenizedPart:
    """Return the chosen reviews of a part, for one subset."""
    lengths = part.tokens.lengths
    in_tokens = np.repeat(chosen, lengths)
    tokens = Tokens(
        part.tokens.ids[in_tokens],
        part.tokens.word_starts[in_tokens],
        offsets_of(lengths[chosen]),
    )
    return replace(part, index=part.index.take(chosen), tokens=tokens, subset=subset, texts=None)
