import numpy as np
from hypothesis import given

from tests.transforms.functional import tiny
from tests.transforms.functional.tiny import BERT, GPT2, T5, tokens_of, words_of_one
from transforms.functional.rows.layout import Template
from transforms.functional.rows.packing import add_template


def test_bert_puts_a_token_on_both_sides_of_every_review_also_of_an_empty_one() -> None:
    tokens, special = add_template(tokens_of([[[5, 6], [7]], [], [[8]]]), BERT)

    assert tokens.ids.tolist() == [101, 5, 6, 7, 102, 101, 102, 101, 8, 102]
    assert tokens.offsets.tolist() == [0, 5, 7, 10]
    assert special.tolist() == [1, 0, 0, 0, 1, 1, 1, 1, 0, 1]
    assert tokens.word_starts.tolist() == [0, 1, 0, 1, 0, 0, 0, 0, 1, 0]


def test_t5_has_only_a_suffix() -> None:
    tokens, special = add_template(tokens_of(words_of_one([[5, 6], []])), T5)

    assert tokens.ids.tolist() == [5, 6, 1, 1]
    assert tokens.offsets.tolist() == [0, 3, 4]
    assert special.tolist() == [False, False, True, True]


def test_gpt2_has_no_template_and_nothing_changes() -> None:
    before = tokens_of([[[5, 6]], [], [[7]]])
    after, special = add_template(before, GPT2)

    assert after.equals(before)
    assert not special.any()


def test_several_tokens_on_a_side_keep_their_order() -> None:
    template = Template(prefix=(1, 2, 3), suffix=(8, 9))
    tokens, _ = add_template(tokens_of(words_of_one([[5], []])), template)

    assert tokens.ids.tolist() == [1, 2, 3, 5, 8, 9, 1, 2, 3, 8, 9]


def test_no_review_at_all() -> None:
    tokens, special = add_template(tokens_of([]), BERT)

    assert len(tokens) == 0
    assert len(special) == 0


@given(tiny.reviews, tiny.templates)
def test_equals_a_plain_loop(reviews: list[list[tiny.Word]], template: Template) -> None:
    tokens, special = add_template(tokens_of(reviews), template)

    expected = [tiny.with_template(review, template) for review in reviews]
    assert [ids.tolist() for ids, _ in tokens] == [[i for i, _ in row] for row in expected]
    assert special.tolist() == [word is None for row in expected for _, word in row]
    assert not np.any(special & tokens.word_starts)
