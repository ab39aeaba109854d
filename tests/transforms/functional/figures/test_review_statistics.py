from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from transforms.functional.elements import ReviewIndex, TokenizedPart
from transforms.functional.figures import review_statistics
from transforms.functional.figures.review_statistics import (
    LONGEST_COUNTED,
    MAX_LABELS,
    MAX_UNKNOWN_REVIEWS,
    count_ids,
    hash_texts,
    measure,
    merge,
)
from transforms.functional.reviews.reviews import PartKey
from transforms.functional.tokenization.tokens import Tokens, offsets_of


def part_of(
    reviews: Sequence[Sequence[int]],
    texts: Sequence[str] | None = None,
    labels: Sequence[int] | None = None,
) -> TokenizedPart:
    """Return a part of reviews given as ids; every token is a word."""
    ids = np.array([i for review in reviews for i in review], np.uint32)
    n = len(reviews)
    return TokenizedPart(
        key=PartKey(split=0, part=0),
        digest="",
        index=ReviewIndex(
            sources=np.zeros(n, np.uint32),
            records=np.arange(n, dtype=np.uint64),
            labels=None if labels is None else np.array(labels, np.int64),
        ),
        tokens=Tokens(ids, np.ones(len(ids), bool), offsets_of([len(r) for r in reviews])),
        texts=pa.array(texts or [f"text {i}" for i in range(n)], pa.large_string()),
    )


def test_a_part_is_counted_to_the_unit():
    part = part_of([[1, 2, 2], [], [5]], ["a b b", "", "ef"], labels=[1, 0, 1])
    found = measure(part, vocab_size=6)
    assert found.token_counts.tolist() == [0, 1, 2, 0, 0, 1]
    assert found.length_counts[:4].tolist() == [1, 1, 0, 1]
    assert (found.reviews, found.tokens, found.words, found.text_bytes) == (3, 4, 4, 7)
    assert found.longest == 3
    assert found.label_counts == {0: 1, 1: 2}
    assert found.duplicates == 0


def test_parts_add_up_in_any_order_and_duplicates_are_found_across_them():
    parts = [
        part_of([[1], [2, 2]], ["same", "b"], [0, 7]),
        part_of([], []),
        part_of([[3]], ["same"], [7]),
    ]
    measured = [measure(part, vocab_size=4) for part in parts]
    for order in (measured, measured[::-1], [merge(measured[:2]), measured[2]]):
        found = merge(order)
        assert found.token_counts.tolist() == [0, 1, 2, 1]
        assert (found.reviews, found.tokens, found.longest) == (3, 4, 2)
        assert found.label_counts == {0: 1, 7: 2}
        assert found.duplicates == 1


def test_longer_reviews_share_the_last_place():
    found = measure(part_of([[0] * (LONGEST_COUNTED + 5), [0] * LONGEST_COUNTED]), vocab_size=1)
    assert found.length_counts[-1] == 2
    assert found.longest == LONGEST_COUNTED + 5
    assert found.tokens == 2 * LONGEST_COUNTED + 5


def test_numbers_that_are_no_classes_are_not_counted():
    ids = list(range(MAX_LABELS + 1))
    assert measure(part_of([[0]] * len(ids), labels=ids), vocab_size=1).label_counts is None
    halves = [measure(part_of([[0]] * 600, labels=range(n, n + 600)), vocab_size=1)
              for n in (0, 600)]  # fmt: skip
    assert merge(halves).label_counts is None
    assert merge([merge(halves), halves[0]]).label_counts is None


def test_too_many_reviews_for_their_hashes_are_not_compared(monkeypatch):
    monkeypatch.setattr(review_statistics, "MAX_HASHED_REVIEWS", 3)
    two = measure(part_of([[0], [0]], ["x", "x"]), vocab_size=1)
    assert two.duplicates == 1
    assert merge([two, two]).duplicates is None
    assert merge([merge([two, two]), two]).text_hashes is None


def test_unknown_words_come_from_a_bounded_sample_of_the_reviews_that_hold_one():
    asked: list[list[str]] = []

    def find(token_id: int, texts: list[str]) -> list[str]:
        asked.append(texts)
        return ["▼" for _ in texts] + ["x" * 1000]

    reviews = [[1], [9, 1]] * (2 * MAX_UNKNOWN_REVIEWS)
    found = measure(part_of(reviews), vocab_size=10, unknown_id=9, find_unknown=find)
    assert asked == [[f"text {2 * i + 1}" for i in range(MAX_UNKNOWN_REVIEWS)]]
    assert found.unknown_words == {"▼": MAX_UNKNOWN_REVIEWS, "x" * 60: 1}
    assert merge([found, found]).unknown_words["▼"] == 2 * MAX_UNKNOWN_REVIEWS
    assert not measure(part_of([[1]]), vocab_size=10, unknown_id=9, find_unknown=find).unknown_words
    assert len(asked) == 1


def test_a_long_review_is_not_encoded_again():
    texts = ["x" * (review_statistics.MAX_UNKNOWN_BYTES + 1), "short"]
    part = part_of([[9], [9]], texts)
    found = measure(part, vocab_size=10, unknown_id=9, find_unknown=lambda token_id, texts: texts)
    assert found.unknown_words == {"short": 1}


def test_ids_are_counted_over_blocks():
    ids = np.random.default_rng(0).integers(0, 50, 300_000).astype(np.uint32)
    assert np.array_equal(count_ids(ids, 50), np.bincount(ids, minlength=50))


def test_hashes_are_of_the_text_and_the_same_in_every_process():
    texts = pa.array(["a", "", "é", "a"], pa.large_string())
    hashes = hash_texts(texts)
    assert hashes[0] == hashes[3] == 0xE6C632B61E964E1F
    assert len(set(hashes.tolist())) == 3
    assert np.array_equal(hash_texts(texts.slice(2)), hashes[2:])
    assert hash_texts(texts.slice(0, 0)).tolist() == []


def test_a_part_without_texts_is_refused():
    part = part_of([[0]])
    bare = TokenizedPart(key=part.key, digest="", index=part.index, tokens=part.tokens)
    with pytest.raises(ValueError, match="without texts"):
        measure(bare, vocab_size=1)
