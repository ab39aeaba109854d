import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.testing.util import assert_that, equal_to

from transforms.functional.reviews.reviews import Part, PartKey, make_reviews
from transforms.functional.reviews.shuffling import cut_buckets, join_bucket
from transforms.shuffling import ShuffleReviews


def _part(number: int, records: range) -> Part:
    n = len(records)
    texts = pa.array([f"review {record}" for record in records], pa.large_string())
    reviews = make_reviews(texts, None, np.zeros(n, np.uint32), np.array(records, np.uint64))
    return Part(key=PartKey(split=0, part=number), last=True, reviews=reviews)


def _seen(part: Part) -> tuple[str, list[int]]:
    return str(part.key), part.reviews.column("record").to_pylist()


def test_buckets_are_the_same_for_any_order_of_arrival_and_any_parts():
    whole = dict(cut_buckets(_part(0, range(60)), 3, 4))
    expected = [_seen(join_bucket(bucket, [whole[bucket]], 4)) for bucket in range(3)]
    assert sorted(record for _, records in expected for record in records) == list(range(60))
    pieces = [
        _part(2, range(40, 60)),
        _part(0, range(15)),
        _part(3, range(0)),
        _part(1, range(15, 40)),
    ]
    with beam.Pipeline("FnApiRunner") as pipeline:
        parts = pipeline | beam.Create(pieces) | ShuffleReviews(3, seed=4) | beam.Map(_seen)
        assert_that(parts, equal_to(expected))
