"""Parts: concatenated they are the input, and where they are cut depends on the records alone."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from transforms.functional.reviews import reviews as reviews_module
from transforms.functional.reviews.reviews import (
    Part,
    PartKey,
    RejectedRecord,
    ReviewChunk,
    cut_parts,
    make_reviews,
    text_lengths,
    with_label,
)

# A record is a review (its length) or a rejected one (its length, with a minus, plus one).
_Records = list[tuple[str, int]]


def _chunk(records: _Records, place: int = 0) -> ReviewChunk:
    texts = [("x" * n, place + i) for i, (kind, n) in enumerate(records) if kind == "review"]
    bad = [(n, place + i) for i, (kind, n) in enumerate(records) if kind == "rejected"]
    return ReviewChunk(
        reviews=make_reviews(
            pa.array([text for text, _ in texts], pa.large_string()),
            None,
            np.zeros(len(texts), np.uint32),
            np.array([at for _, at in texts], np.uint64),
        ),
        rejected=tuple(
            RejectedRecord(source=0, record=at, reason="bad", raw=b"y" * n) for n, at in bad
        ),
    )


def _chunks(records: _Records, sizes: list[int]) -> list[ReviewChunk]:
    found, place = [], 0
    for size in [*sizes, len(records)]:
        found.append(_chunk(records[place : place + size], place))
        place += size
    return found


def _contents(part: Part) -> list[tuple[int, int]]:
    """Return `(place, bytes)` of a part's records, in order."""
    lengths = text_lengths(part.reviews).tolist()
    places = part.reviews.column("record").to_pylist()
    bad = [(item.record, len(item.raw)) for item in part.rejected]
    return sorted([*zip(places, lengths, strict=True), *bad])


def _shapes(parts: list[Part]) -> list[list[int]]:
    return [[n for _, n in _contents(part)] for part in parts]


_records = st.lists(
    st.tuples(st.sampled_from(["review", "review", "rejected"]), st.integers(0, 12)), max_size=25
)


def test_parts_are_filled_up_to_part_bytes():
    chunk = _chunk([("review", n) for n in (4, 6, 1, 10, 11, 0, 3)])
    parts = list(cut_parts([chunk], 7, 10))
    assert _shapes(parts) == [[4, 6], [1], [10], [11], [0, 3]]
    assert [str(part.key) for part in parts] == [f"0000007-000{i}" for i in range(5)]
    assert [part.last for part in parts] == [False] * 4 + [True]


def test_empty_reviews_weigh_nothing():
    assert _shapes(list(cut_parts([_chunk([("review", 0)] * 5)], 0, 1))) == [[0] * 5]


def test_a_split_without_reviews_is_one_empty_part():
    for chunks in ([], [_chunk([])], [_chunk([]), _chunk([])]):
        parts = list(cut_parts(chunks, 3, 10))
        assert [(part.key, part.last, part.reviews.num_rows) for part in parts] == [
            (PartKey(split=3, part=0), True, 0)
        ]


def test_rejected_records_fill_parts_too_so_that_memory_is_bounded():
    records = [("rejected", 6), ("rejected", 6), ("review", 2), ("rejected", 30), ("review", 1)]
    parts = list(cut_parts([_chunk(records)], 0, 10))
    assert _shapes(parts) == [[6], [6, 2], [30], [1]]
    assert [len(part.rejected) for part in parts] == [1, 1, 1, 0]


def test_a_part_of_empty_reviews_is_bounded_by_their_number(monkeypatch):
    monkeypatch.setattr(reviews_module, "MAX_RECORDS_PER_PART", 3)
    chunks = _chunks([("review", 0)] * 8, [2, 2, 2])
    assert _shapes(list(cut_parts(chunks, 0, 10))) == [[0] * 3, [0] * 3, [0] * 2]


@given(records=_records, part_bytes=st.integers(1, 20))
def test_concatenated_parts_are_the_input(records, part_bytes):
    parts = list(cut_parts([_chunk(records)], 0, part_bytes))
    contents = [item for part in parts for item in _contents(part)]
    assert contents == [(place, n) for place, (_, n) in enumerate(records)]
    n_rejected = sum(len(part.rejected) for part in parts)
    assert n_rejected == sum(kind == "rejected" for kind, _ in records)
    assert [part.key.part for part in parts] == list(range(len(parts)))
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]


@given(records=_records, part_bytes=st.integers(1, 20))
def test_no_part_is_larger_than_part_bytes_unless_it_is_one_record(records, part_bytes):
    shapes = _shapes(list(cut_parts([_chunk(records)], 0, part_bytes)))
    assert all(sum(shape) <= part_bytes or len(shape) == 1 for shape in shapes)
    # And none is smaller than it must be.
    for shape, after in itertools.pairwise(shapes):
        assert sum(shape) + after[0] > part_bytes


@given(
    records=_records, sizes=st.lists(st.integers(0, 9), max_size=9), part_bytes=st.integers(1, 20)
)
def test_borders_do_not_depend_on_how_reviews_are_chunked(records, sizes, part_bytes):
    whole = list(cut_parts([_chunk(records)], 0, part_bytes))
    chunked = list(cut_parts(_chunks(records, sizes), 0, part_bytes))
    assert [_contents(part) for part in chunked] == [_contents(part) for part in whole]
    assert [part.reviews.to_pylist() for part in chunked] == [
        part.reviews.to_pylist() for part in whole
    ]


def test_text_lengths_are_bytes_of_utf8_in_slices_too():
    texts = pa.array(["", "é", "日本", "🎬"], pa.large_string())
    batch = make_reviews(texts, None, np.zeros(4, np.uint32), np.arange(4, dtype=np.uint64))
    assert text_lengths(batch).tolist() == [0, 2, 6, 4]
    assert text_lengths(batch.slice(1, 2)).tolist() == [2, 6]
    assert text_lengths(batch.slice(0, 0)).tolist() == []


@pytest.mark.parametrize("n", [0, 3])
def test_with_label_gives_all_reviews_one_label_and_keeps_the_rejected(n):
    chunk = _chunk([("review", 1)] * n + [("rejected", 1)])
    labelled = with_label(chunk, -1)
    assert labelled.reviews.column("label").to_pylist() == [-1] * n
    assert labelled.reviews.schema == chunk.reviews.schema
    assert labelled.rejected == chunk.rejected
