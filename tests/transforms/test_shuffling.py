import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to

from transforms.functional.reviews.reviews import Part, PartKey, make_reviews
from transforms.functional.reviews.shuffling import cut_buckets, join_bucket
from transforms.shuffling import ShuffleReviews, cut_to_scratch, read_slice
from transforms.storage.scratch import Place


def _part(number: int, records: range) -> Part:
    n = len(records)
    texts = pa.array([f"review {record}" for record in records], pa.large_string())
    reviews = make_reviews(texts, None, np.zeros(n, np.uint32), np.array(records, np.uint64))
    return Part(key=PartKey(split=0, part=number), last=True, reviews=reviews)


def _seen(part: Part) -> tuple[str, list[int]]:
    return str(part.key), part.reviews.column("record").to_pylist()


@pytest.mark.parametrize("on_disk", [False, True])
def test_buckets_are_the_same_for_any_order_of_arrival_and_any_parts(tmp_path, on_disk):
    whole = dict(cut_buckets(_part(0, range(60)), 3, 4))
    expected = [_seen(join_bucket(bucket, [whole[bucket]], 4)) for bucket in range(3)]
    assert sorted(record for _, records in expected for record in records) == list(range(60))
    pieces = [
        _part(2, range(40, 60)),
        _part(0, range(15)),
        _part(3, range(0)),
        _part(1, range(15, 40)),
    ]
    shuffle = ShuffleReviews(3, seed=4, scratch=str(tmp_path) if on_disk else None)
    with beam.Pipeline("FnApiRunner") as pipeline:
        parts = pipeline | beam.Create(pieces) | shuffle | beam.Map(_seen)
        assert_that(parts, equal_to(expected))
    assert len(list(tmp_path.iterdir())) == on_disk * len(pieces)


def test_only_places_of_slices_move_where_there_is_scratch(tmp_path):
    part = _part(7, range(60))
    found = list(cut_to_scratch(part, 3, 4, str(tmp_path)))
    assert found[0][0] == 0
    assert found[0][1][:2] == ("0000000-0007", 0)
    for (bucket, place), (_, piece) in zip(found, cut_buckets(part, 3, 4), strict=True):
        assert read_slice(str(tmp_path), place).equals(piece), bucket
    coder = beam.coders.registry.get_coder(tuple[int, Place])
    assert len(coder.encode(found[-1])) < 30
