"""Dicts and strings become the same parts, in whatever order they come."""

from __future__ import annotations

import random

import pytest

from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.reviews.from_dicts import loose_review, parts_of
from transforms.functional.reviews.reviews import Part

COLUMNS = ReviewColumns(text="body", label="stars")
REVIEWS = [{"body": f"review {number}" * 3, "stars": number % 2} for number in range(20)]


def parts(reviews: list[object], columns: ReviewColumns = COLUMNS, size: int = 90) -> list[Part]:
    loose = [loose_review(review, columns) for review in reviews]  # type: ignore[arg-type]
    return list(parts_of(loose, 7, columns, size))


def test_every_review_is_in_one_part_with_its_label() -> None:
    found = parts([*REVIEWS])
    rows = [row for part in found for row in part.reviews.to_pylist()]
    assert sorted((row["text"], row["label"]) for row in rows) == sorted(
        (review["body"], review["stars"]) for review in REVIEWS
    )
    assert [(part.key.split, part.key.part) for part in found] == [
        (7, number) for number in range(len(found))
    ]
    assert len(found) > 3
    assert [part.last for part in found] == [False] * (len(found) - 1) + [True]
    # The hash of the text: it finds the review again, and orders.
    records = [row["record"] for row in rows]
    assert records == sorted(records)
    assert records == [loose_review({"body": row["text"]}, COLUMNS).record for row in rows]


def test_the_order_in_which_they_come_changes_nothing() -> None:
    shuffled = [*REVIEWS, {"body": "twice", "stars": 1}, {"body": "twice", "stars": 0}]
    expected = [part.digest for part in parts(shuffled)]
    for seed in range(3):
        random.Random(seed).shuffle(shuffled)
        assert [part.digest for part in parts(shuffled)] == expected


def test_a_string_is_a_text_without_a_label() -> None:
    (part,) = parts(["a", "b"], ReviewColumns(text="text"))
    assert sorted(part.reviews.column("text").to_pylist()) == ["a", "b"]
    assert part.reviews.column("label").null_count == 2


@pytest.mark.parametrize(
    ("review", "reason"),
    [
        ({"body": None, "stars": 1}, "body is null"),
        ({"stars": 1}, "body is null"),
        ({"body": 17, "stars": 1}, "body is of type int, not str"),
        ({"body": b"bytes", "stars": 1}, "body is of type bytes, not str"),
        ({"body": "half \ud83d", "stars": 1}, "not UTF-8"),
        ({"body": "good", "stars": None}, "stars is null"),
        ({"body": "good", "stars": "many"}, "stars 'many' is not a 64-bit integer"),
        ("a string", "stars is null"),
    ],
)
def test_what_is_no_review_is_rejected_with_its_reason(review: object, reason: str) -> None:
    found = parts([*REVIEWS, review])
    [rejected] = [item for part in found for item in part.rejected]
    assert reason in rejected.reason
    assert rejected.raw
    assert sum(part.reviews.num_rows for part in found) == len(REVIEWS)


def test_without_reviews_there_is_one_empty_part() -> None:
    (part,) = parts([])
    assert (part.reviews.num_rows, part.last) == (0, True)
