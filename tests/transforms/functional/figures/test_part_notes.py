"""What was counted of a part comes back from its note as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from transforms.functional.figures.part_notes import PartNote
from transforms.functional.figures.review_statistics import ReviewStatistics

COUNTED = ReviewStatistics(
    token_counts=np.array([0, 3, 0, 1]),
    length_counts=np.array([1, 0, 2]),
    longest=2,
    words=4,
    text_bytes=20,
    label_counts={0: 1, 1.5: 2},
    text_hashes=(np.array([7], np.uint64), np.array([2**64 - 1, 7], np.uint64)),
    unknown_words={"☃": 1},
)


def note_of(statistics: ReviewStatistics) -> PartNote:
    return PartNote(digest="d1", fingerprint="f00d", run="r1", statistics=statistics)


def fields_of(statistics: ReviewStatistics) -> dict[str, Any]:
    hashes = statistics.text_hashes
    fields = {**vars(statistics), "text_hashes": None if hashes is None else np.hstack(hashes)}
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in fields.items()
    }


@pytest.mark.parametrize(
    "statistics", [COUNTED, replace(COUNTED, label_counts=None, text_hashes=None)]
)
def test_a_note_comes_back_as_it_was(statistics: ReviewStatistics) -> None:
    found = PartNote.loads(note_of(statistics).dumps())

    assert found is not None
    assert (found.digest, found.fingerprint, found.run) == ("d1", "f00d", "r1")
    assert fields_of(found.statistics) == fields_of(statistics)
    assert [type(label) for label in found.statistics.label_counts or {0: 1, 1.5: 2}] == [
        int,
        float,
    ]


def test_the_same_counts_give_the_same_bytes() -> None:
    assert note_of(COUNTED).dumps() == note_of(replace(COUNTED)).dumps()


def test_a_damaged_note_is_none() -> None:
    data = note_of(COUNTED).dumps()

    for damaged in (b"", b"\x93NUMPY", data[:-1], data[:100]):
        assert PartNote.loads(damaged) is None
    for place in range(len(data)):
        for bit in (1, 0x10):
            flipped = bytearray(data)
            flipped[place] ^= bit
            found = PartNote.loads(bytes(flipped))
            assert found is None or fields_of(found.statistics) == fields_of(COUNTED)
