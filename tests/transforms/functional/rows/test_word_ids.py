import numpy as np
from hypothesis import given, strategies as st

from tests.transforms.functional import tiny
from tests.transforms.functional.tiny import lists, tokens_of
from transforms.functional.dataset.manifest_entries import TokenizerEntry
from transforms.functional.rows.layout import Template
from transforms.functional.rows.padding import RowLayout, pad_reviews
from transforms.functional.rows.token_bits import word_ids_from_starts


def word_ids(ids: list[int], starts: list[int], template_ids: list[int]) -> list[int]:
    return word_ids_from_starts(
        np.array(ids, np.uint16), np.array(starts, np.bool_), np.array(template_ids, np.uint16)
    ).tolist()


def test_words_are_counted_and_special_tokens_and_padding_are_minus_one() -> None:
    #          [CLS] un ##watch able [SEP] [PAD]
    assert word_ids([101, 5, 6, 7, 102, 0], [0, 1, 0, 1, 0, 0], [0, 101, 102]) == [
        -1, 0, 0, 1, -1, -1,
    ]  # fmt: skip


def test_a_special_token_between_two_reviews_of_a_block() -> None:
    assert word_ids([5, 102, 101, 6, 7], [1, 0, 0, 1, 0], [0, 101, 102]) == [0, -1, -1, 1, 1]


def test_the_literal_text_of_a_special_token_in_a_review_is_a_word() -> None:
    assert word_ids([101, 102, 5, 102], [0, 1, 1, 0], [0, 101, 102]) == [-1, 0, 1, -1]


def test_without_a_template_every_token_is_of_a_word() -> None:
    assert word_ids([5, 6, 7], [1, 0, 1], []) == [0, 0, 1]


def test_rows_are_counted_each_for_itself() -> None:
    ids = np.array([[101, 5], [6, 7]], np.uint16)
    starts = np.array([[False, True], [True, True]])

    assert word_ids_from_starts(ids, starts, np.array([101], np.uint16)).tolist() == [
        [-1, 0],
        [0, 1],
    ]


def test_the_manifest_says_which_ids_can_be_of_no_word() -> None:
    entry = TokenizerEntry(
        path="tokenizer/tokenizer.json",
        sha256="",
        vocab_size=1000,
        special_token_ids={"pad": 0, "mask": 103, "unk": 100},
        prefix=[101],
        suffix=[102, 101],
    )

    assert entry.template_ids() == (0, 101, 102)


@given(tiny.reviews, tiny.templates, st.integers(1, 6))
def test_word_numbers_of_padded_reviews_equal_a_plain_count(
    reviews: list[list[tiny.Word]], template: Template, room: int
) -> None:
    layout = RowLayout(max_length=room + len(template), template=template, pad_id=0)
    rows = pad_reviews(tokens_of(reviews), layout).rows

    outside = np.array(sorted({0, *template.prefix, *template.suffix}), np.uint32)
    made = [
        word_ids_from_starts(np.array(ids), np.array(starts, np.bool_), outside).tolist()
        for ids, starts in zip(lists(rows, "input_ids"), lists(rows, "word_starts"), strict=True)
    ]
    expected = []
    for review in reviews:
        numbers = [number for number, word in enumerate(review) for _ in word][:room]
        row = [-1] * len(template.prefix) + numbers + [-1] * len(template.suffix)
        expected.append(row + [-1] * (layout.max_length - len(row)))
    assert made == expected
