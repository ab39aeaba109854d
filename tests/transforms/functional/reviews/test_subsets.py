import numpy as np
import pytest

from tests.transforms.functional.tiny import tokens_of
from transforms.functional.elements import ReviewIndex, TokenizedPart, take_reviews
from transforms.functional.reviews.reviews import PartKey
from transforms.functional.reviews.subsets import split_subsets, subset_of_path

KEY = PartKey(split=2, part=1)


def part_of(
    n_reviews: int, *, source: int = 0, first: int = 0, labels: bool = True
) -> TokenizedPart:
    """Return a part whose review `r` is `r % 3` words with the id `1000 + r`."""
    numbers = np.arange(first, first + n_reviews)
    return TokenizedPart(
        key=KEY,
        digest="d",
        index=ReviewIndex(
            sources=np.full(n_reviews, source, np.uint32),
            records=numbers.astype(np.uint64),
            labels=numbers.astype(np.int64) if labels else None,
        ),
        tokens=tokens_of([[[1000 + n]] * (n % 3) for n in numbers.tolist()]),
    )


def test_chosen_reviews_keep_their_tokens_places_and_labels() -> None:
    part = take_reviews(part_of(5), np.array([True, False, True, False, True]), "validation")

    assert part.subset == "validation"
    assert (part.key, part.digest) == (KEY, "d")
    assert [ids.tolist() for ids, _ in part.tokens] == [[], [1002, 1002], [1004]]
    assert part.index.records.tolist() == [0, 2, 4]
    assert part.index.labels is not None
    assert part.index.labels.tolist() == [0, 2, 4]


def test_reviews_without_labels() -> None:
    part = take_reviews(part_of(2, labels=False), np.array([False, True]), "train")

    assert part.index.labels is None
    assert [ids.tolist() for ids, _ in part.tokens] == [[1001]]


def test_every_review_is_in_one_subset_and_keeps_its_order() -> None:
    train, validation = split_subsets(part_of(1000), 0.3, seed=0)

    assert (train.subset, validation.subset) == ("train", "validation")
    records = [*train.index.records.tolist(), *validation.index.records.tolist()]
    assert sorted(records) == list(range(1000))
    for part in (train, validation):
        numbers = part.index.records.tolist()
        assert numbers == sorted(numbers)
        assert [ids.tolist() for ids, _ in part.tokens] == [[1000 + n] * (n % 3) for n in numbers]
    # 4.5 standard deviations of a share of 1,000.
    assert abs(len(validation.tokens) / 1000 - 0.3) < 4.5 * np.sqrt(0.3 * 0.7 / 1000)


def test_a_reviews_subset_does_not_depend_on_its_part() -> None:
    whole = split_subsets(part_of(100), 0.5, seed=7)[1].index.records.tolist()
    halves = [split_subsets(part_of(50, first=first), 0.5, seed=7)[1] for first in (0, 50)]

    assert [record for half in halves for record in half.index.records.tolist()] == whole


def test_another_seed_or_file_gives_another_choice() -> None:
    chosen = [
        split_subsets(part_of(100, source=source), 0.5, seed=seed)[1].index.records.tolist()
        for source, seed in ((0, 0), (0, 1), (1, 0))
    ]

    assert len({tuple(records) for records in chosen}) == 3


def test_an_empty_part_gives_two_empty_ones() -> None:
    assert [len(part.tokens) for part in split_subsets(part_of(0), 0.5, seed=0)] == [0, 0]


@pytest.mark.parametrize(
    ("path", "subset"),
    [
        ("/data/aclImdb/train/pos/0_9.txt", "train"),
        ("/data/aclImdb/test/neg/0_1.txt", "validation"),
        ("s3://bucket/hub/data/test-00000-of-00001.parquet", "validation"),
        ("reviews/Train.csv", "train"),
        ("/home/test/reviews/train/a.jsonl", "train"),
        ("in/dev/a.txt", "validation"),
        ("in/training/a.txt", "train"),
        ("in/trains/a.txt", None),
        ("in/contest.csv", None),
        ("a.jsonl", None),
    ],
)
def test_a_path_says_the_subset(path: str, subset: str | None) -> None:
    assert subset_of_path(path) == subset


def test_reviews_of_the_files_in_a_run_are_for_validation() -> None:
    parts = {source: part_of(2, source=source) for source in range(8)}
    for source, part in parts.items():
        train, validation = split_subsets(part, 0.0, 0, [(1, 3), (6, 7)])
        chosen = source in (1, 2, 6)
        assert (len(train.index.sources), len(validation.index.sources)) == (
            (0, 2) if chosen else (2, 0)
        )
    train, validation = split_subsets(parts[0], 0.5, 0, [])
    assert (len(train.index.sources), len(validation.index.sources)) == (2, 0)
