import numpy as np
from hypothesis import given, strategies as st

from transforms.functional.rows.token_bits import cu_seqlens_of, position_ids_of, seq_idx_of

STARTS = np.array([[1, 0, 0, 1, 0, 0], [1, 1, 0, 0, 0, 0]], np.bool_)
REAL = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]], np.bool_)


def test_positions_start_anew_with_each_review_and_are_0_on_padding() -> None:
    assert position_ids_of(STARTS, REAL).tolist() == [[0, 1, 2, 0, 1, 2], [0, 0, 1, 0, 0, 0]]


def test_reviews_are_numbered_in_each_row_and_padding_is_of_none() -> None:
    assert seq_idx_of(STARTS, REAL).tolist() == [[0, 0, 0, 1, 1, 1], [0, 1, 1, -1, -1, -1]]


def test_cu_seqlens_are_the_ends_of_reviews_without_padding() -> None:
    assert cu_seqlens_of(seq_idx_of(STARTS, REAL)).tolist() == [0, 3, 6, 7, 9]
    assert cu_seqlens_of(np.empty((0, 4), np.int32)).tolist() == [0]
    assert cu_seqlens_of(np.full((2, 4), -1, np.int32)).tolist() == [0]


@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=5), max_size=4))
def test_the_three_agree_with_plain_loops(rows: list[list[int]]) -> None:
    width = 1 + max((sum(lengths) for lengths in rows), default=0)
    starts = np.zeros((len(rows), width), np.bool_)
    real = np.zeros((len(rows), width), np.bool_)
    positions = np.zeros((len(rows), width), np.int64)
    numbers = np.full((len(rows), width), -1)
    ends = [0]
    for row, lengths in enumerate(rows):
        at = 0
        for number, length in enumerate(lengths):
            starts[row, at] = True
            real[row, at : at + length] = True
            positions[row, at : at + length] = range(length)
            numbers[row, at : at + length] = number
            at += length
            ends.append(ends[-1] + length)

    assert np.array_equal(position_ids_of(starts, real), positions)
    seq_idx = seq_idx_of(starts, real)
    assert np.array_equal(seq_idx, numbers)
    assert cu_seqlens_of(seq_idx).tolist() == ends
