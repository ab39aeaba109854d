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
from transforms.functional.rows.packing import BlockLayout, pack_blocks
from transforms.functional.rows.rows import PackedReviews


def pack(
    reviews: list[list[int]], max_length: int, template: Template = GPT2, **options: object
) -> PackedReviews:
    tokens = tokens_of(words_of_one(reviews))
    return pack_blocks(tokens, BlockLayout(max_length=max_length, template=template, **options))


def test_reviews_end_to_end_in_blocks_without_the_remainder() -> None:
    packed = pack([[1, 2, 3], [4, 5]], 2)

    assert lists(packed.rows, "input_ids") == [[1, 2], [3, 4]]
    assert lists(packed.rows, "attention_mask") == [[1, 1], [1, 1]]
    assert packed.rows.review.tolist() == [0, 0]
    assert packed.ledger.tokens == TokenCounts(tokenized=5, written=4, dropped=1)
    # Of the second review one token is in a block, and one is not.
    assert counts_of(packed) == (2, 0, 1)


def test_pad_keeps_the_remainder() -> None:
    packed = pack([[1, 2, 3], [4, 5]], 2, remainder="pad", pad_id=99)

    assert lists(packed.rows, "input_ids") == [[1, 2], [3, 4], [5, 99]]
    assert lists(packed.rows, "attention_mask") == [[1, 1], [1, 1], [1, 0]]
    assert lists(packed.rows, "word_starts") == [[1, 1], [1, 1], [1, 0]]
    assert packed.rows.review.tolist() == [0, 0, 1]
    assert packed.ledger.tokens == TokenCounts(tokenized=5, written=5)
    assert counts_of(packed) == (2, 0, 0)


def test_full_blocks_get_no_padding() -> None:
    assert lists(pack([[1, 2], [3, 4]], 2, remainder="pad", pad_id=99).rows, "input_ids") == [
        [1, 2],
        [3, 4],
    ]


def test_bert_template_is_in_the_stream_and_counted() -> None:
    packed = pack([[5, 6], [], [7]], 3, BERT)

    assert lists(packed.rows, "input_ids") == [[101, 5, 6], [102, 101, 102], [101, 7, 102]]
    assert lists(packed.rows, "word_starts") == [[0, 1, 1], [0, 0, 0], [0, 1, 0]]
    # The second block begins with the first review's [SEP].
    assert packed.rows.review.tolist() == [0, 0, 2]
    assert packed.ledger.tokens == TokenCounts(tokenized=3, special=6, written=9)


def test_review_starts_are_where_reviews_and_the_rests_of_them_begin() -> None:
    packed = pack([[5, 6], [], [7]], 3, BERT, review_starts=True, **PAD)

    assert lists(packed.rows, "input_ids") == [[101, 5, 6], [102, 101, 102], [101, 7, 102]]
    assert lists(packed.rows, "review_starts") == [[1, 0, 0], [1, 1, 0], [1, 0, 0]]
    packed = pack([[], [5, 6, 7], [], [8]], 3, review_starts=True, **PAD)
    assert lists(packed.rows, "input_ids") == [[5, 6, 7], [8, 0, 0]]
    assert lists(packed.rows, "review_starts") == [[1, 0, 0], [1, 0, 0]]
    assert pack([[5, 6]], 2).rows.review_starts is None


def test_t5_suffix() -> None:
    assert lists(pack([[5, 6], [7]], 2, T5).rows, "input_ids") == [[5, 6], [1, 7]]


def test_a_word_cut_by_a_block_edge_starts_anew() -> None:
    packed = pack_blocks(tokens_of([[[1, 2, 3], [4]]]), BlockLayout(max_length=2, template=GPT2))

    assert lists(packed.rows, "word_starts") == [[1, 0], [1, 1]]


def test_a_special_token_at_a_block_edge_starts_no_word() -> None:
    packed = pack_blocks(tokens_of([[[5, 6]]]), BlockLayout(max_length=3, template=BERT, **PAD))

    assert lists(packed.rows, "input_ids") == [[101, 5, 6], [102, 0, 0]]
    assert lists(packed.rows, "word_starts") == [[0, 1, 0], [0, 0, 0]]


PAD = {"remainder": "pad", "pad_id": 0}


@pytest.mark.parametrize("reviews", [[], [[]], [[], []]])
@pytest.mark.parametrize("options", [{}, PAD])
def test_no_token_gives_no_block(reviews: list[list[int]], options: dict[str, object]) -> None:
    packed = pack(reviews, 4, **options)

    assert len(packed.rows) == 0
    assert packed.ledger.reviews.dropped == len(reviews)
    assert packed.ledger.tokens == TokenCounts()


def test_less_than_a_block_is_all_dropped() -> None:
    packed = pack([[1, 2], [3]], 4)

    assert len(packed.rows) == 0
    assert counts_of(packed) == (0, 2, 0)
    assert packed.ledger.tokens == TokenCounts(tokenized=3, dropped=3)


def test_a_review_that_ends_at_the_edge_is_not_truncated() -> None:
    packed = pack([[1, 2], [3]], 2)

    assert counts_of(packed) == (1, 1, 0)


def test_an_empty_review_behind_the_last_block_is_dropped_not_truncated() -> None:
    packed = pack([[1, 2], []], 2)

    assert counts_of(packed) == (1, 1, 0)


def test_a_block_that_begins_with_a_review_names_it_and_not_the_empty_one_before() -> None:
    assert pack([[1, 2], [], [3, 4]], 2).rows.review.tolist() == [0, 2]


def test_padding_needs_an_id() -> None:
    with pytest.raises(ValueError, match="remainder='pad' needs a pad_id, got None"):
        pack([[1]], 2, remainder="pad")


def test_a_block_holds_at_least_one_token() -> None:
    with pytest.raises(ValueError, match=r"max_length must be at least 1 .*, got 0"):
        pack([[1]], 0)


@given(tiny.reviews, tiny.templates, st.integers(1, 9), st.sampled_from(["drop", "pad"]))
def test_equals_plain_loops(
    reviews: list[list[tiny.Word]], template: Template, room: int, remainder: str
) -> None:
    max_length = len(template) + room
    packed = pack_blocks(
        tokens_of(reviews),
        BlockLayout(
            max_length=max_length,
            template=template,
            remainder=remainder,
            pad_id=0 if remainder == "pad" else None,
        ),
    )

    stream = [
        (token, word, number)
        for number, review in enumerate(reviews)
        for token, word in tiny.with_template(review, template)
    ]
    blocks = [stream[i : i + max_length] for i in range(0, len(stream), max_length)]
    if remainder == "drop":
        blocks = [block for block in blocks if len(block) == max_length]
    fill = [max_length - len(block) for block in blocks]
    rows = packed.rows
    assert lists(rows, "input_ids") == [
        [token for token, _, _ in block] + [0] * n for block, n in zip(blocks, fill, strict=True)
    ]
    assert lists(rows, "attention_mask") == [
        [True] * len(block) + [False] * n for block, n in zip(blocks, fill, strict=True)
    ]
    assert lists(rows, "word_starts") == [
        tiny.starts_of(block) + [False] * n for block, n in zip(blocks, fill, strict=True)
    ]
    assert rows.review.tolist() == [block[0][2] for block in blocks]

    # Conserved: what went in is in a block or counted as dropped, tokens and reviews alike.
    written = {token[2]: 0 for block in blocks for token in block}
    for block in blocks:
        for _, _, number in block:
            written[number] += 1
    sizes = [len(tiny.with_template(review, template)) for review in reviews]
    counts = packed.ledger.tokens
    assert counts.tokenized == sum(len(word) for review in reviews for word in review)
    assert counts.special == len(template) * len(reviews)
    assert counts.written == sum(written.values()) == rows.n_tokens
    assert counts.tokenized + counts.special == counts.written + counts.dropped
    assert packed.ledger.reviews.written == len(written)
    assert packed.ledger.reviews.dropped == len(reviews) - len(written)
    assert packed.ledger.reviews.truncated == sum(
        n < sizes[number] for number, n in written.items()
    )
