"""Small tokens, and the plain loops that the numpy code is held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from transforms.functional.rows.layout import Template
from transforms.functional.rows.rows import PackedReviews, Rows
from transforms.functional.tokenization.tokens import Tokens, offsets_of

BERT = Template(prefix=(101,), suffix=(102,))
T5 = Template(suffix=(1,))
GPT2 = Template()

Word = list[int]


def tokens_of(reviews: Sequence[Sequence[Word]]) -> Tokens:
    """Return `Tokens` of reviews that are lists of words, which are lists of ids."""
    ids = [token for review in reviews for word in review for token in word]
    starts = [place == 0 for review in reviews for word in review for place in range(len(word))]
    lengths = [sum(len(word) for word in review) for review in reviews]
    return Tokens(np.array(ids, np.uint32), np.array(starts, np.bool_), offsets_of(lengths))


def words_of_one(reviews: Sequence[Sequence[int]]) -> list[list[Word]]:
    """Return reviews in which every token is a word of its own."""
    return [[[token] for token in review] for review in reviews]


def lists(rows: Rows, column: str) -> list[list[int]]:
    """Return a column of rows as lists."""
    values = getattr(rows, column)
    return [
        values[start:end].tolist()
        for start, end in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)
    ]


def counts_of(packed: PackedReviews) -> tuple[int, int, int]:
    """Return how many reviews are written, dropped and truncated."""
    reviews = packed.ledger.reviews
    return reviews.written, reviews.dropped, reviews.truncated


# A token of a review: (id, number of its word), None for the word of a special token.
def with_template(review: Sequence[Word], template: Template) -> list[tuple[int, int | None]]:
    """Return a review's tokens between its special tokens, by plain loops."""
    text = [(token, number) for number, word in enumerate(review) for token in word]
    before = [(token, None) for token in template.prefix]
    return [*before, *text, *((token, None) for token in template.suffix)]


def starts_of(row: Sequence[tuple[int, int | None, int]]) -> list[bool]:
    """Return the word starts of a row of (id, word, review), by a plain loop."""
    starts = []
    previous: tuple[int | None, int] | None = None
    for _, word, review in row:
        starts.append(word is not None and (word, review) != previous)
        previous = (word, review)
    return starts


words = st.lists(st.integers(200, 65_000), min_size=1, max_size=4)
reviews = st.lists(st.lists(words, max_size=12), max_size=8)
templates = st.sampled_from([BERT, T5, GPT2, Template(prefix=(7, 8), suffix=(9, 9, 10))])
