"""What is counted of the reviews of a part: nearly free, bounded, and added up in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from transforms.functional.elements import Labels, TokenizedPart
from transforms.functional.records import parquet_bytes
from transforms.functional.reviews.problem_types import HOT
from transforms.functional.tokenization.text_arrays import text_buffers
from transforms.functional.tokenization.tokens import Int64Array, Tokens

Hashes = npt.NDArray[np.uint64]

LONGEST_COUNTED = 4096  # Longer reviews share the last place of `length_counts`.
MAX_HASHED_REVIEWS = 4 << 20  # 32 MiB of hashes.
MAX_LABELS = 1000  # More different numbers are no classes.
MAX_UNKNOWN_WORDS = 1000
MAX_UNKNOWN_REVIEWS = 32  # Of each part: the library has to encode them once more.
MAX_UNKNOWN_BYTES = 64 << 10
_SHOWN_CHARACTERS = 60

_BLOCK = 1 << 16  # Tokens counted at once: their int64 copies stay in the processor's cache.


@dataclass(frozen=True, kw_only=True, eq=False)
class ReviewStatistics:
    """Counts over some reviews; lengths are in tokens, without those of the template.

    Attributes:
        token_counts: (vocab_size,) int64, how often each id came.
        length_counts: (LONGEST_COUNTED + 1,) int64, the reviews of each length.
        longest: Tokens of the longest review.
        words: Words, as the tokenizer cuts them.
        text_bytes: Bytes of text.
        label_counts: Reviews of each class label; None above `MAX_LABELS`.
        text_hashes: A 64-bit hash of each text; None above `MAX_HASHED_REVIEWS`.
        unknown_words: What became the unknown token, in a sample of the reviews that hold one.
    """

    token_counts: Int64Array
    length_counts: Int64Array
    longest: int
    words: int
    text_bytes: int
    label_counts: Mapping[float, int] | None = field(default_factory=dict)
    text_hashes: tuple[Hashes, ...] | None = ()
    unknown_words: Mapping[str, int] = field(default_factory=dict)

    @property
    def reviews(self) -> int:
        """Number of reviews."""
        return int(self.length_counts.sum())

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return int(self.token_counts.sum())

    @property
    def duplicates(self) -> int | None:
        """Reviews whose text an earlier one has too; None where they were too many to count."""
        texts = self.distinct_texts
        return None if texts is None else self.reviews - len(texts)

    @property
    def distinct_texts(self) -> Hashes | None:
        """(n,) the hash of each text, once; None where they were too many to count."""
        if self.text_hashes is None:
            return None
        return np.unique(np.concatenate([np.empty(0, np.uint64), *self.text_hashes]))


def measure(
    part: TokenizedPart,
    *,
    vocab_size: int,
    unknown_id: int | None = None,
    find_unknown: Callable[[int, list[str]], Iterable[str]] = lambda token_id, texts: (),
) -> ReviewStatistics:
    """Count the reviews of a part.

    Args:
        part: Reviews as tokens, with their texts.
        vocab_size: Number of ids of the tokenizer.
        unknown_id: Id of the unknown token, None where there is none.
        find_unknown: Gives the stretches of some texts that become a token.
    """
    tokens, labels, texts = part.tokens, part.index.labels, part.texts
    if texts is None:
        raise ValueError("a part is measured before its reviews are divided, got one without texts")
    token_counts = count_ids(tokens.ids, vocab_size)
    lengths = np.minimum(tokens.lengths, LONGEST_COUNTED)
    unknown: Iterable[str] = ()
    if unknown_id is not None and token_counts[unknown_id]:
        found = find_unknown(unknown_id, _texts_with(unknown_id, tokens, texts))
        unknown = (word[:_SHOWN_CHARACTERS] for word in found)
    return ReviewStatistics(
        token_counts=token_counts,
        length_counts=np.bincount(lengths, minlength=LONGEST_COUNTED + 1),
        longest=int(tokens.lengths.max(initial=0)),
        words=int(np.count_nonzero(tokens.word_starts)),
        text_bytes=int(np.ptp(text_buffers(texts)[1])),
        label_counts={} if labels is None else _count_labels(labels),
        text_hashes=(hash_texts(texts),),
        unknown_words=_most(Counter(unknown)),
    )


def merge(statistics: Iterable[ReviewStatistics]) -> ReviewStatistics:
    """Return the statistics of all reviews together; there must be some."""
    return reduce(_add, statistics)


def _add(one: ReviewStatistics, other: ReviewStatistics) -> ReviewStatistics:
    return ReviewStatistics(
        token_counts=one.token_counts + other.token_counts,
        length_counts=one.length_counts + other.length_counts,
        longest=max(one.longest, other.longest),
        words=one.words + other.words,
        text_bytes=one.text_bytes + other.text_bytes,
        label_counts=_add_labels(one.label_counts, other.label_counts),
        text_hashes=_add_hashes(one, other),
        unknown_words=_most(Counter(one.unknown_words) + Counter(other.unknown_words)),
    )


def count_ids(ids: npt.NDArray[np.uint32], vocab_size: int) -> Int64Array:
    """Return (vocab_size,) int64, how often each id comes in `ids`."""
    counts = np.zeros(vocab_size, np.int64)
    # A block at a time, but no smaller than the counts that each of them adds.
    step = max(_BLOCK, 4 * vocab_size)
    for start in range(0, len(ids), step):
        counts += np.bincount(ids[start : start + step], minlength=vocab_size)
    return counts


def hash_texts(texts: pa.LargeStringArray) -> Hashes:
    """Return (n_reviews,) uint64, equal for equal texts, in every process."""
    values, offsets = text_buffers(texts)
    data = values.data
    places = pairwise(offsets.tolist())
    hashes = (xxhash.xxh3_64_intdigest(data[start:end]) for start, end in places)
    return np.fromiter(hashes, np.uint64, len(texts))


def _texts_with(token_id: int, tokens: Tokens, texts: pa.LargeStringArray) -> list[str]:
    """Return the first reviews that hold a token: `MAX_UNKNOWN_REVIEWS` at most, no long ones."""
    places = np.flatnonzero(tokens.ids == token_id)
    rows = np.unique(np.searchsorted(tokens.offsets, places, side="right") - 1)
    short = np.diff(text_buffers(texts)[1])[rows] <= MAX_UNKNOWN_BYTES
    return [texts[row].as_py() for row in rows[short][:MAX_UNKNOWN_REVIEWS].tolist()]


def _count_labels(labels: Labels) -> dict[float, int] | None:
    """Return how many reviews have each label; of multi-hot labels, how many have each class."""
    if labels.ndim == 2:
        return dict(enumerate(np.count_nonzero(labels >= HOT, axis=0).tolist()))
    values, counts = np.unique(labels, return_counts=True)
    if len(values) > MAX_LABELS:
        return None
    # Numbers are classes, or ratings, which people write without a fraction.
    numbers = [int(value) if value == int(value) else value for value in values.tolist()]
    return dict(zip(numbers, counts.tolist(), strict=True))


def _add_labels(
    one: Mapping[float, int] | None, other: Mapping[float, int] | None
) -> dict[float, int] | None:
    if one is None or other is None:
        return None
    total = {label: one.get(label, 0) + other.get(label, 0) for label in {*one, *other}}
    return total if len(total) <= MAX_LABELS else None


def _add_hashes(one: ReviewStatistics, other: ReviewStatistics) -> tuple[Hashes, ...] | None:
    if one.text_hashes is None or other.text_hashes is None:
        return None
    if one.reviews + other.reviews > MAX_HASHED_REVIEWS:
        return None
    return (*one.text_hashes, *other.text_hashes)


def _most(words: Counter[str]) -> dict[str, int]:
    ordered = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered[:MAX_UNKNOWN_WORDS])


def dump_hashes(hashes: Hashes) -> bytes:
    """Return (n,) uint64 hashes of texts as a Parquet file, for later generations."""
    return parquet_bytes(pa.table({"text_hash": hashes}))


def load_hashes(data: bytes) -> Hashes:
    """Return the hashes in such a file."""
    hashes: Hashes = pq.read_table(pa.BufferReader(data)).column("text_hash").to_numpy()
    return hashes


def count_repeated(texts: Hashes, earlier: Sequence[Hashes]) -> int | None:
    """Return how many different texts are in earlier generations, too.

    Args:
        texts: (n,) hashes, each once.
        earlier: The same of each earlier generation.

    Returns:
        The number; None where there are more than `MAX_HASHED_REVIEWS` to compare with.
    """
    if sum(map(len, earlier)) > MAX_HASHED_REVIEWS:
        return None
    known = np.unique(np.concatenate([np.empty(0, np.uint64), *earlier]))
    return int(np.count_nonzero(np.isin(texts, known, assume_unique=True)))
