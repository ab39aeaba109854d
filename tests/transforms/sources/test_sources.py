"""Transforms that begin somebody else's pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.oracle import sample_texts
from tests.paths import SAMPLE
from tests.transforms.pipelines import check
from transforms import ReviewColumns, ReviewsFromDicts
from transforms.functional.errors import InputError, UsageError
from transforms.functional.reviews.reviews import Part
from transforms.reading import read_split
from transforms.sources.split_files import splits_of

COLUMNS = ReviewColumns(text="text")


def test_every_split_gives_parts_that_hold_each_review_once() -> None:
    def matcher(parts: list[Part]) -> None:
        assert {part.key.split for part in parts} == set(range(40))
        assert sum(part.last for part in parts) == 40
        texts = [text for part in parts for text in part.reviews.column("text").to_pylist()]
        assert sorted(texts) == sorted(sample_texts()[:60])
        assert min(part.reviews.num_rows for part in parts) == 0

    check(sample_texts()[:60], ReviewsFromDicts(COLUMNS, n_splits=40), matcher)


@pytest.mark.parametrize("name", ["n_splits", "part_bytes"])
def test_numbers_are_checked_where_the_transform_is_made(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        ReviewsFromDicts(COLUMNS, **{"n_splits": 1, name: 0})


@pytest.mark.parametrize("part_bytes", [10_000, 1 << 20])
def test_files_are_split_by_size_and_read_once(tmp_path: Path, part_bytes: int) -> None:
    small, array = tmp_path / "a.txt", tmp_path / "b.json"
    small.write_text("first\nsecond\n")
    array.write_text(json.dumps([{"text": f"review {number}"} for number in range(1000)], indent=1))
    paths = [str(SAMPLE / "reviews.jsonl"), str(array), str(small), str(small)]
    splits = list(splits_of(paths, part_bytes))
    assert splits == list(splits_of(paths[::-1], part_bytes))
    assert [split.number for split in splits] == list(range(len(splits)))
    assert (len(splits) > 8) == (part_bytes == 10_000)
    texts = [
        text
        for split in splits
        for part in read_split(split, columns=COLUMNS, sample_by="line", part_bytes=part_bytes)
        for text in part.reviews.column("text").to_pylist()
    ]
    of_array = [f"review {number}" for number in range(1000)]
    assert sorted(texts) == sorted(["first", "second", *of_array, *sample_texts()])


def test_a_file_that_is_not_there_or_of_no_format_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.txt", tmp_path):
        with pytest.raises(InputError, match="there is no such file"):
            list(splits_of([str(path)], 100))
    (tmp_path / "a.bin").touch()
    with pytest.raises(UsageError, match="cannot tell the format"):
        list(splits_of([str(tmp_path / "a.bin")], 100))
