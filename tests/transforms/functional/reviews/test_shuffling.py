import numpy as np
import pyarrow as pa
import pytest

from transforms.functional.reviews.reviews import Part, PartKey, make_reviews
from transforms.functional.reviews.shuffling import cut_buckets, join_bucket


def _part(records: range, number: int = 0, source: int = 0) -> Part:
    n = len(records)
    batch = make_reviews(
        pa.array([f"{source}/{record}" for record in records], pa.large_string()),
        None,
        np.full(n, source, np.uint32),
        np.array(records, np.uint64),
    )
    return Part(key=PartKey(split=0, part=number), last=True, reviews=batch)


def _shuffle(parts: list[Part], n_buckets: int, seed: int = 0) -> list[list[str]]:
    grouped: dict[int, list] = {}
    for part in parts:
        for bucket, piece in cut_buckets(part, n_buckets, seed):
            grouped.setdefault(bucket, []).append(piece)
    return [
        join_bucket(bucket, grouped[bucket], seed).reviews.column("text").to_pylist()
        for bucket in sorted(grouped)
    ]


def test_the_order_is_fixed_for_ever():
    assert _shuffle([_part(range(8))], 2) == [
        ["0/3", "0/1", "0/5"],
        ["0/2", "0/7", "0/0", "0/6", "0/4"],
    ]


def test_every_review_comes_out_once():
    buckets = _shuffle([_part(range(1000)), _part(range(500), 1, source=1)], 7)
    found = [text for bucket in buckets for text in bucket]
    assert len(buckets) == 7
    assert sorted(found) == sorted([f"0/{i}" for i in range(1000)] + [f"1/{i}" for i in range(500)])
    assert found != sorted(found)


def test_the_order_depends_neither_on_arrival_nor_on_parts():
    whole = _shuffle([_part(range(300))], 3)
    in_pieces = [_part(range(200, 300), 2), _part(range(50)), _part(range(50, 200), 1)]
    assert _shuffle(in_pieces, 3) == whole
    assert _shuffle(in_pieces[::-1], 3) == whole


def test_another_seed_gives_another_order():
    assert _shuffle([_part(range(100))], 2, seed=1) != _shuffle([_part(range(100))], 2, seed=2)


def test_buckets_are_about_equal():
    sizes = [len(bucket) for bucket in _shuffle([_part(range(10_000))], 10)]
    assert len(sizes) == 10
    assert 900 < min(sizes) <= max(sizes) < 1100


@pytest.mark.parametrize("n_buckets", [1, 5])
def test_an_empty_part_goes_to_no_bucket(n_buckets):
    assert list(cut_buckets(_part(range(0)), n_buckets, 0)) == []


def test_a_bucket_is_a_part_by_itself():
    (bucket, piece), *_ = cut_buckets(_part(range(10)), 1, 0)
    part = join_bucket(bucket, [piece], 0)
    assert (part.key, part.last, part.rejected) == (PartKey(split=0, part=0), True, ())
