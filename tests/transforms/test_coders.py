import apache_beam as beam
import pyarrow as pa
import pytest

from transforms.coders import ReviewSliceCoder
from transforms.functional.reviews import REVIEW_SCHEMA, ReviewSlice


def _batch(n: int, text: str = "review é🎬") -> pa.RecordBatch:
    rows = [
        {
            "text": f"{text} {i}",
            "label": None if i % 2 else i,
            "source": 2**32 - 1,
            "record": 2**64 - 1,
        }
        for i in range(n)
    ]
    return pa.RecordBatch.from_pylist(rows, REVIEW_SCHEMA)


@pytest.mark.parametrize("n", [0, 1, 100])
def test_a_slice_comes_back_as_it_was(n):
    coder = ReviewSliceCoder()
    back = coder.decode(coder.encode(ReviewSlice(_batch(n))))
    assert back.reviews.equals(_batch(n))
    assert back.reviews.schema.equals(REVIEW_SCHEMA)


def test_only_the_rows_of_the_slice_are_encoded():
    large = _batch(1000, "x" * 1000)
    encoded = ReviewSliceCoder().encode(ReviewSlice(large.slice(500, 2)))
    assert 2000 < len(encoded) < 4000
    assert ReviewSliceCoder().decode(encoded).reviews.equals(large.slice(500, 2))


def test_beam_uses_this_coder():
    assert isinstance(beam.coders.registry.get_coder(ReviewSlice), ReviewSliceCoder)
    assert ReviewSliceCoder().is_deterministic()
