import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.transforms.functional import tiny
from tests.transforms.functional.tiny import (
    BERT,
    GPT2,
    T5,
    counts_of,
    lists,
    tokens_of,
    words_of_one,
)
from transforms.functional.ledger import TokenCounts
from transforms.functional.rows.layout import Template
from transforms.functional.rows.padding import RowLayout, pad_reviews
from transforms.functional.rows.rows import PackedReviews


def pad(reviews: list[list[int]], **options: object) -> PackedReviews:
    layout = RowLayout(**{"max_length": 6, "template": BERT, "pad_id": 0, **options})
    return pad_reviews(tokens_of(words_of_one(reviews)), layout)


def test_each_review_is_a_row_truncated_or_padded() -> None:
    packed = pad([[5, 6], [], [1, 2, 3, 4, 9]])

    rows = packed.rows
    assert lists(rows, "input_ids") == [
        [101, 5, 6, 102, 0, 0],
        [101, 102, 0, 0, 0, 0],
        [101, 1, 2, 3, 4, 102],
    ]
    assert lists(rows, "attention_mask") == [
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1],
    ]
    assert lists(rows, "word_starts") == [
        [0, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 0],
    ]
    assert rows.review.tolist() == [0, 1, 2]
    assert packed.ledger.tokens == TokenCounts(tokenized=7, special=6, written=12, dropped=1)
    assert counts_of(packed) == (3, 0, 1)


def test_padding_on_the_left() -> None:
    rows = pad([[5, 6], []], padding_side="left").rows

    assert lists(rows, "input_ids") == [[0, 0, 101, 5, 6, 102], [0, 0, 0, 0, 101, 102]]
    assert lists(rows, "attention_mask") == [[0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1]]
    assert lists(rows, "word_starts") == [[0, 0, 0, 1, 1, 0], [0] * 6]


def test_truncation_on_the_left_keeps_the_end_of_the_review() -> None:
    assert lists(pad([[1, 2, 3, 4, 9]], truncation_side="left").rows, "input_ids") == [
        [101, 2, 3, 4, 9, 102]
    ]


def test_a_word_cut_by_truncation_starts_anew() -> None:
    layout = RowLayout(max_length=4, template=BERT, pad_id=0, truncation_side="left")
    rows = pad_reviews(tokens_of([[[1, 2, 3], [4]]]), layout).rows

    assert lists(rows, "input_ids") == [[101, 3, 4, 102]]
    assert lists(rows, "word_starts") == [[0, 1, 1, 0]]


def test_a_review_that_just_fits_is_not_truncated() -> None:
    packed = pad([[1, 2, 3, 4]])

    assert lists(packed.rows, "input_ids") == [[101, 1, 2, 3, 4, 102]]
    assert (packed.ledger.reviews.truncated, packed.ledger.tokens.dropped) == (0, 0)


def test_longest_leaves_rows_ragged_and_needs_no_padding_token() -> None:
    rows = pad([[5, 6], [], [1, 2, 3, 4, 9]], padding="longest", pad_id=None).rows

    assert rows.row_length is None
    assert lists(rows, "input_ids") == [[101, 5, 6, 102], [101, 102], [101, 1, 2, 3, 4, 102]]
    assert rows.attention_mask.all()


def test_gpt2_has_no_special_tokens_and_an_empty_review_is_an_empty_row() -> None:
    packed = pad([[5], [], [1, 2, 3]], max_length=2, template=GPT2, padding="longest")

    assert lists(packed.rows, "input_ids") == [[5], [], [1, 2]]
    assert counts_of(packed)[:2] == (3, 0)


def test_t5_suffix_stays_when_truncated() -> None:
    assert lists(pad([[5, 6, 7]], max_length=3, template=T5).rows, "input_ids") == [[5, 6, 1]]


def test_windows_share_stride_tokens_and_end_with_the_review() -> None:
    packed = pad([[1, 2, 3, 4, 5, 6, 7], [8], []], overflow="windows", stride=1)

    assert lists(packed.rows, "input_ids") == [
        [101, 1, 2, 3, 4, 102],
        [101, 4, 5, 6, 7, 102],
        [101, 8, 102, 0, 0, 0],
        [101, 102, 0, 0, 0, 0],
    ]
    assert packed.rows.review.tolist() == [0, 0, 1, 2]
    assert packed.ledger.tokens == TokenCounts(tokenized=8, special=8, repeated=1, written=17)
    assert counts_of(packed) == (3, 0, 0)


def test_the_last_window_may_be_short() -> None:
    rows = pad([[1, 2, 3, 4, 5]], overflow="windows", stride=0, padding="longest").rows

    assert lists(rows, "input_ids") == [[101, 1, 2, 3, 4, 102], [101, 5, 102]]


def test_windows_from_the_left_begin_with_the_end_of_the_review() -> None:
    rows = pad([[1, 2, 3, 4, 5, 6]], overflow="windows", stride=2, truncation_side="left").rows

    assert lists(rows, "input_ids") == [[101, 3, 4, 5, 6, 102], [101, 1, 2, 3, 4, 102]]


def test_no_review_gives_no_row() -> None:
    for overflow in ("truncate", "windows"):
        packed = pad([], overflow=overflow)

        assert len(packed.rows) == 0
        assert packed.ledger.tokens == TokenCounts()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 2}, "max_length must be at least 3 (one token and 2 specials), got 2"),
        ({"overflow": "windows", "stride": 4}, "stride must be from 0 to 3"),
        ({"overflow": "windows", "stride": -1}, "stride must be from 0 to 3"),
        ({"pad_id": None}, "padding='max_length' needs a pad_id, got None"),
    ],
)
def test_impossible_layouts_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as error:
        pad([[1]], **options)

    assert message in str(error.value)


sides = st.sampled_from(["left", "right"])


@given(
    tiny.reviews,
    tiny.templates,
    st.integers(1, 6),
    st.integers(0, 5),
    st.sampled_from(["max_length", "longest"]),
    st.sampled_from(["truncate", "windows"]),
    sides,
    sides,
)
def test_equals_plain_loops(
    reviews: list[list[tiny.Word]],
    template: Template,
    room: int,
    stride: int,
    padding: str,
    overflow: str,
    padding_side: str,
    truncation_side: str,
) -> None:
    stride = min(stride, room - 1)
    max_length = room + len(template)
    layout = RowLayout(
        max_length=max_length,
        template=template,
        padding=padding,
        overflow=overflow,
        stride=stride,
        pad_id=0,
        padding_side=padding_side,
        truncation_side=truncation_side,
    )
    tokens = tokens_of(reviews)
    packed = pad_reviews(tokens, layout)

    ids, masks, starts, numbers = [], [], [], []
    lost = repeated = 0
    for number, review in enumerate(reviews):
        text = [(token, word) for word, group in enumerate(review) for token in group]
        taken: list[int] = []
        for begin, end in _spans(len(text), room, stride, truncation_side):
            taken += range(begin, end)
            row = [
                *((token, None, number) for token in template.prefix),
                *((token, word, number) for token, word in text[begin:end]),
                *((token, None, number) for token in template.suffix),
            ]
            fill = [0] * (max_length - len(row) if padding == "max_length" else 0)
            real = [token for token, _, _ in row]
            left = padding_side == "left"
            ids.append([*fill, *real] if left else [*real, *fill])
            ones = [True] * len(row)
            masks.append([*fill, *ones] if left else [*ones, *fill])
            begun = tiny.starts_of(row)
            starts.append([*fill, *begun] if left else [*begun, *fill])
            numbers.append(number)
            if overflow == "truncate":
                break
        lost += len(text) - len(set(taken))
        repeated += len(taken) - len(set(taken))
    assert lists(packed.rows, "input_ids") == ids
    assert lists(packed.rows, "attention_mask") == masks
    assert lists(packed.rows, "word_starts") == starts
    assert packed.rows.review.tolist() == numbers
    assert packed.ledger.tokens == TokenCounts(
        tokenized=len(tokens.ids),
        special=len(numbers) * len(template),
        repeated=repeated,
        written=int(np.sum([sum(mask) for mask in masks], initial=0)),
        dropped=lost,
    )
    counts = packed.ledger.tokens
    assert counts.tokenized + counts.special + counts.repeated == counts.written + counts.dropped
    assert packed.ledger.reviews.written == len(reviews)
    longer = sum(sum(len(word) for word in review) > room for review in reviews)
    assert packed.ledger.reviews.truncated == (longer if overflow == "truncate" else 0)


def _spans(length: int, room: int, stride: int, side: str) -> list[tuple[int, int]]:
    """Return the windows of `length` tokens, from the right or the left, by a plain loop."""
    spans = [(0, min(room, length))]
    while spans[-1][1] < length:
        begin = spans[-1][0] + room - stride
        spans.append((begin, min(begin + room, length)))
    if side == "left":
        spans = [(length - end, length - begin) for begin, end in spans]
    return spans
