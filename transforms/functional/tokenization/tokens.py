"""Token ids of many reviews in three flat arrays.

    reviews     "good film"        ""     "unwatchable"
    ids         [2204, 2143                4895, 18866, ...]
    word_starts [True, True                True, False, ...]
    offsets     [0,                2,     2,               5]

Review ``r`` owns ``ids[offsets[r]:offsets[r + 1]]``. Special tokens of the tokenizer's template
(``[CLS]``, ``</s>``) are not in here; they are added where reviews become blocks or rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UInt32Array = npt.NDArray[np.uint32]
BoolArray = npt.NDArray[np.bool_]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tokens:
    """Token ids, word starts and review offsets of consecutive reviews.

    Attributes:
        ids: (n_tokens,) uint32, without template tokens.
        word_starts: (n_tokens,) bool, True at the first token of each word of a review, which is
            where ``Encoding.word_ids`` changes.
        offsets: (n_reviews + 1,) int64, from 0 to n_tokens, never falling.
    """

    ids: UInt32Array
    word_starts: BoolArray
    offsets: Int64Array

    def __post_init__(self) -> None:
        """Check shapes and dtypes, and that the offsets span the ids."""
        for name, dtype in (("ids", np.uint32), ("word_starts", np.bool_), ("offsets", np.int64)):
            array = getattr(self, name)
            if array.ndim != 1 or array.dtype != dtype:
                raise ValueError(
                    f"{name} must be a vector of {np.dtype(dtype)}, "
                    f"got {array.dtype} of shape {array.shape}"
                )
        if len(self.ids) != len(self.word_starts):
            raise ValueError(
                f"ids and word_starts must have one length, "
                f"got {len(self.ids)} and {len(self.word_starts)}"
            )
        if len(self.offsets) == 0 or self.offsets[0] != 0 or self.offsets[-1] != len(self.ids):
            raise ValueError(
                f"offsets must run from 0 to {len(self.ids)} (the number of ids), "
                f"got {self.offsets[:1].tolist()} to {self.offsets[-1:].tolist()}"
            )

    @property
    def n_reviews(self) -> int:
        """Number of reviews."""
        return len(self.offsets) - 1

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return len(self.ids)

    @property
    def lengths(self) -> Int64Array:
        """(n_reviews,) int64, the tokens of each review."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        """Return the number of reviews."""
        return self.n_reviews

    def __iter__(self) -> Iterator[tuple[UInt32Array, BoolArray]]:
        """Yield ``(ids, word_starts)`` of each review, as views."""
        for start, end in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            yield self.ids[start:end], self.word_starts[start:end]

    def slice(self, start: int, stop: int) -> Tokens:
        """Return reviews ``start`` to ``stop`` (exclusive); ids and word starts are views.

        Raises:
            ValueError: the range does not lie inside the reviews.
        """
        if not 0 <= start <= stop <= self.n_reviews:
            raise ValueError(
                f"slice must satisfy 0 <= start <= stop <= {self.n_reviews} (the number of "
                f"reviews), got {start} and {stop}"
            )
        first, last = int(self.offsets[start]), int(self.offsets[stop])
        offsets = self.offsets[start : stop + 1] - first
        return Tokens(self.ids[first:last], self.word_starts[first:last], offsets)

    def equals(self, other: Tokens) -> bool:
        """Return True when all three arrays hold the same values."""
        return (
            np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.ids, other.ids)
            and np.array_equal(self.word_starts, other.word_starts)
        )


@dataclass(frozen=True, eq=False)
class EncodedWords:
    """What the library says of some texts.

    Attributes:
        ids: (n_tokens,) uint32.
        word_ids: (n_tokens,) int64, the number of each token's word in its text.
        offsets: (n_texts + 1,) int64.
    """

    ids: UInt32Array
    word_ids: Int64Array
    offsets: Int64Array

    @property
    def n_texts(self) -> int:
        """Number of texts."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Int64Array:
        """(n_texts,) int64, the tokens of each text."""
        return np.diff(self.offsets)


def empty_tokens(n_reviews: int = 0) -> Tokens:
    """Return ``Tokens`` of ``n_reviews`` reviews without a token."""
    return Tokens(np.empty(0, np.uint32), np.empty(0, np.bool_), np.zeros(n_reviews + 1, np.int64))


def word_starts_of(word_ids: Sequence[int | None]) -> BoolArray:
    """Return (n,) bool, True at the first entry and wherever ``word_ids`` changes.

    ``None`` (a token of no word) counts as one more value, so a run of ``None`` starts once.
    """
    numbers = np.asarray([-1 if word is None else word for word in word_ids], np.int64)
    starts = np.ones(len(numbers), np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=starts[1:])
    return starts


def tokens_from_lists(reviews: Iterable[tuple[Sequence[int], Sequence[int | None]]]) -> Tokens:
    """Return ``Tokens`` of ``(ids, word_ids)`` pairs, one a review, as ``Encoding`` holds them.

    Raises:
        ValueError: a review's ids and word ids differ in length.
    """
    ids: list[npt.NDArray[np.uint32]] = []
    starts: list[BoolArray] = []
    lengths: list[int] = []
    for review_ids, word_ids in reviews:
        if len(review_ids) != len(word_ids):
            raise ValueError(
                f"review {len(lengths)} must have one word id for each id, "
                f"got {len(word_ids)} for {len(review_ids)}"
            )
        ids.append(np.asarray(review_ids, np.uint32))
        starts.append(word_starts_of(word_ids))
        lengths.append(len(review_ids))
    if not lengths:
        return empty_tokens()
    return Tokens(np.concatenate(ids), np.concatenate(starts), offsets_of(lengths))


def offsets_of(lengths: Sequence[int] | npt.NDArray[np.integer]) -> Int64Array:
    """Return (n + 1,) int64 offsets of ``lengths``: 0 and the running sums."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def concatenate(parts: Sequence[Tokens]) -> Tokens:
    """Return the reviews of all ``parts`` in order; no part gives no review."""
    if not parts:
        return empty_tokens()
    if len(parts) == 1:
        return parts[0]
    return Tokens(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.word_starts for part in parts]),
        offsets_of(np.concatenate([part.lengths for part in parts])),
    )


def interleave(is_first: BoolArray, first: Tokens, second: Tokens) -> Tokens:
    """Return the reviews of both: the next of ``first`` where ``is_first``, else of ``second``.

    Args:
        is_first: (n_reviews,) bool, as many True as ``first`` has reviews.

    Raises:
        ValueError: the number of True or False is not the number of reviews.
    """
    n_first = int(np.count_nonzero(is_first))
    if n_first != first.n_reviews or len(is_first) - n_first != second.n_reviews:
        raise ValueError(
            f"is_first must hold {first.n_reviews} True and {second.n_reviews} False, "
            f"got {n_first} and {len(is_first) - n_first}"
        )
    lengths = np.empty(len(is_first), np.int64)
    lengths[is_first] = first.lengths
    lengths[~is_first] = second.lengths
    of_first = np.repeat(is_first, lengths)
    ids = np.empty(len(of_first), np.uint32)
    starts = np.empty(len(of_first), np.bool_)
    for mask, tokens in ((of_first, first), (~of_first, second)):
        ids[mask] = tokens.ids
        starts[mask] = tokens.word_starts
    return Tokens(ids, starts, offsets_of(lengths))
