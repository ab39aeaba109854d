from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from transforms.functional.readers.file_range import FileRange
from transforms.functional.reviews.bad_files import (
    BadFile,
    FileCounts,
    bad_file,
    count_by_file,
    count_files,
    leave_out,
    sum_counts,
)
from transforms.functional.reviews.reviews import RejectedRecord, ReviewChunk, make_reviews
from transforms.functional.reviews.splits import Split


def chunk(sources: Sequence[int], rejected: Sequence[tuple[int, str]]) -> ReviewChunk:
    """Return a chunk of one good review for each of `sources`, and of some bad records."""
    n = len(sources)
    texts = pa.array(["a film"] * n, pa.large_string())
    records = np.arange(n, dtype=np.uint64)
    return ReviewChunk(
        reviews=make_reviews(texts, None, np.array(sources, np.uint32), records),
        rejected=tuple(
            RejectedRecord(source=source, record=place, reason=reason, raw=b"")
            for place, (source, reason) in enumerate(rejected)
        ),
    )


def test_each_file_of_a_chunk_is_counted_by_itself() -> None:
    found = list(count_files([chunk([3, 3, 7], [(3, "no text"), (9, "no JSON"), (9, "no JSON")])]))

    assert found == [
        (3, FileCounts(records=3, rejected=1, reasons=(("no text", 1),))),
        (7, FileCounts(records=1, rejected=0)),
        (9, FileCounts(records=2, rejected=2, reasons=(("no JSON", 2),))),
    ]
    assert count_by_file(chunk([1], [(9, "a"), (2, "b"), (9, "c")]).rejected) == {2: 1, 9: 2}


counts = st.builds(
    lambda good, reasons: FileCounts(
        records=good + sum(reasons.values()),
        rejected=sum(reasons.values()),
        reasons=tuple(reasons.items()),
    ),
    st.integers(0, 9),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 5)),
)


@given(
    st.lists(counts, max_size=5).flatmap(
        lambda all_: st.tuples(st.just(all_), st.permutations(all_))
    )
)
def test_the_parts_of_a_file_may_come_in_any_order(
    parts: tuple[list[FileCounts], list[FileCounts]],
) -> None:
    first, second = parts
    whole = sum_counts(first)

    assert sum_counts(second) == whole
    assert whole.records == sum(part.records for part in first)
    assert whole.rejected == sum(n for _, n in whole.reasons)


@pytest.mark.parametrize(
    ("records", "rejected", "limit", "is_bad"),
    [(100, 1, 0.01, False), (100, 2, 0.01, True), (0, 0, 0.0, False), (1, 1, 1.0, False)],
)
def test_a_file_is_bad_above_the_limit(
    records: int, rejected: int, limit: float, is_bad: bool
) -> None:
    reasons = (("no JSON", rejected), ("no text", 0))

    found = bad_file(4, FileCounts(records=records, rejected=rejected, reasons=reasons), limit)

    bad = BadFile(source=4, records=records, rejected=rejected, reason="no JSON")
    assert found == (bad if is_bad else None)


def test_a_split_loses_files_and_keeps_its_number() -> None:
    files = tuple(FileRange(source=n, path=f"{n}.txt", format="text") for n in (4, 5, 6))
    split = Split(number=8, files=files)

    assert leave_out(split, {5, 9}) == Split(number=8, files=(files[0], files[2]))
    assert leave_out(split, {4, 5, 6}) == Split(number=8, files=())
