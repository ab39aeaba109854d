import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that

from transforms.functional.reviews import Part, PartKey, make_reviews
from transforms.shuffling import ShuffleReviews


def _part(number: int, records: range) -> Part:
    n = len(records)
    texts = pa.array([f"review {record}" for record in records], pa.large_string())
    reviews = make_reviews(texts, None, np.zeros(n, np.uint32), np.array(records, np.uint64))
    return Part(key=PartKey(split=0, part=number), last=True, reviews=reviews)


def _shuffled(parts: list[Part]) -> list[tuple[str, list[int]]]:
    found: list = []

    def keep(seen: list) -> None:
        found.extend(sorted(seen))
        assert found

    with TestPipeline() as pipeline:
        rows = (
            pipeline
            | beam.Create(parts)
            | ShuffleReviews(3, seed=4)
            | beam.Map(lambda part: (str(part.key), part.reviews.column("record").to_pylist()))
        )
        assert_that(rows, keep)
    return found


def test_buckets_are_the_same_for_any_order_of_arrival_and_any_parts():
    whole = _shuffled([_part(0, range(60))])
    pieces = [
        _part(2, range(40, 60)),
        _part(0, range(15)),
        _part(3, range(0)),
        _part(1, range(15, 40)),
    ]
    assert _shuffled(pieces) == whole
    assert [key for key, _ in whole] == ["0000000-0000", "0000001-0000", "0000002-0000"]
    records = [record for _, bucket in whole for record in bucket]
    assert sorted(records) == list(range(60))
    assert records != sorted(records)
