"""Whatever the text, the tokens are the library's: properties over every family."""

from __future__ import annotations

from functools import cache

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from tests import hostile_texts, tokenizers_zoo
from tests.library import library_tokens
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer

ALL = {**tokenizers_zoo.FAST, **tokenizers_zoo.PLAIN}

# Surrogates are no UTF-8; readers put U+FFFD in their place.
_CHARACTERS = st.characters(exclude_categories=["Cs"])
_PARTS = st.one_of(
    st.text(_CHARACTERS, max_size=6),
    st.text(st.characters(max_codepoint=0x7F), max_size=8),
    st.sampled_from(hostile_texts.WORDS + hostile_texts.BLANKS + hostile_texts.ODDITIES),
    st.sampled_from(["[MASK]", "[mask]", "<mask>", "<s>", "</s>", "<pad>", "<|endoftext|>"]),
    st.just(" "),
)
REVIEWS = st.lists(st.lists(_PARTS, max_size=8).map("".join), max_size=5)
# Words that other fast tokenizers get wrong: C1 controls, inverted marks, a lone mark.
OTHERS_FAIL = ["yeah\x85).", "\xa1hola!", "work\x85and\x85there", "it\x92s", " \u0301", "a\xad b"]


@cache
def made(family: str) -> tuple[str, ReviewTokenizer]:
    tokenizer_json = ALL[family]()
    return tokenizer_json, ReviewTokenizer(tokenizer_json, cache_entries=2_000)


@pytest.mark.parametrize("family", ALL)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reviews=REVIEWS)
@example(reviews=OTHERS_FAIL)
@example(reviews=[])
def test_ids_and_word_starts_are_the_library_s(family: str, reviews: list[str]) -> None:
    tokenizer_json, tokenizer = made(family)
    tokens = tokenizer.encode(pa.array(reviews, pa.large_string()))
    assert tokens.equals(library_tokens(tokenizer_json, reviews))
    assert tokenizer.path == ("fast" if family in tokenizers_zoo.FAST else "plain")


@pytest.mark.parametrize("family", ALL)
def test_three_hundred_hostile_texts(family: str) -> None:
    tokenizer_json, tokenizer = made(family)
    literals = [token.content for token in tokenizer.encoder.added_tokens]
    reviews = hostile_texts.random_texts(2026, 300, literals)
    expected = library_tokens(tokenizer_json, reviews)
    assert expected.n_tokens > 1_000
    assert tokenizer.encode(pa.array(reviews, pa.large_string())).equals(expected)
    assert tokenizer.mismatches == 0


def test_hostile_texts_hold_what_they_promise() -> None:
    text = "\n".join(hostile_texts.random_texts(2026, 2_000, ["[MASK]"]))
    for part in (
        "\x00",
        "\x85",
        "\xa0",
        "\u0301",
        "\u200d",
        "\ufffd",
        "\u200f",
        "\u4e2d",
        "[MASK]",
    ):
        assert part in text, repr(part)
    assert max(map(len, text.split())) > 100
    assert hostile_texts.random_texts(1, 5) == hostile_texts.random_texts(1, 5)
