"""Merges made for many words at once give what the library's BPE model gives."""

import string

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from tests import tokenizers_zoo
from transforms.functional.tokenization.byte_pairs import are_in_order, byte_pairs_of
from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.pieces.cut_tables import CutRules, byte_flags
from transforms.functional.tokenization.pieces.merged_words import MAX_WORD_BYTES, MergedWords
from transforms.functional.tokenization.pieces.safe_cuts import cut_rules_of
from transforms.functional.tokenization.text_arrays import binary_buffers

LETTERS = "abc"
RULES = CutRules(
    byte_class=bytes(256),
    pair_cut=bytes(256),
    clean=byte_flags(LETTERS.encode()),
    clean_marker="Ġ",
)
PLAIN = {"continuing_subword_prefix": None, "end_of_word_suffix": None, "ignore_merges": False}


def _model(merges: list[tuple[str, str]], **others: object) -> dict[str, object]:
    tokens = [*LETTERS, "Ġ", *(left + right for left, right in merges)]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    return {"type": "BPE", "vocab": vocabulary, "merges": merges, **PLAIN, **others}


def _merged(merges: list[tuple[str, str]], words: list[str]) -> list[list[int]]:
    merged_words = MergedWords.of(byte_pairs_of(_model(merges)), RULES)
    assert merged_words is not None
    tokens = merged_words.encode(*binary_buffers(pa.array(words, pa.large_binary())))
    assert tokens.word_starts.nonzero()[0].tolist() == tokens.offsets[:-1].tolist()
    return [ids.tolist() for ids, _ in tokens]


@st.composite
def merges_in_order(draw: st.DrawFn) -> list[tuple[str, str]]:
    tokens = [*LETTERS, "Ġ"]
    merges = []
    for _ in range(draw(st.integers(0, 12))):
        left, right = draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens))
        if left + right not in tokens and "Ġ" not in right:
            tokens.append(left + right)
            merges.append((left, right))
    return merges


def test_a_word_merges_its_pair_of_the_lowest_rank_first() -> None:
    # a 0, b 1, c 2, Ġ 3, bc 4, ab 5, Ġa 6
    merges = [("b", "c"), ("a", "b"), ("Ġ", "a")]
    assert _merged(merges, ["abc", " abab", "a", " a", "cab"]) == [
        [0, 4],
        [3, 5, 5],
        [0],
        [6],
        [2, 5],
    ]


def test_of_three_alike_the_first_two_are_merged() -> None:
    assert _merged([("a", "a")], ["aaa", "aaaa", "aaaaa"]) == [[4, 0], [4, 4], [4, 4, 0]]
    assert _merged([("a", "a"), ("aa", "a")], ["aaa", "aaaa"]) == [[5], [4, 4]]


@given(
    merges_in_order(),
    st.lists(st.from_regex(rf"\A ?[{LETTERS}]{{1,20}}\Z"), min_size=1, max_size=30),
)
def test_any_words_get_the_tokens_of_the_library(
    merges: list[tuple[str, str]], words: list[str]
) -> None:
    model = _model(merges)
    library = Tokenizer(models.BPE(model["vocab"], merges))  # type: ignore[arg-type]
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    expected = [library.encode(word.replace(" ", "Ġ")).ids for word in words]
    assert _merged(merges, words) == expected


def test_the_words_of_a_trained_tokenizer_get_the_tokens_of_the_library() -> None:
    encoder = Encoder(tokenizers_zoo.byte_level())
    rules, _ = cut_rules_of(encoder)
    assert rules is not None
    merged_words = MergedWords.of(encoder.byte_pairs, rules)
    assert merged_words is not None
    random = np.random.default_rng(7)
    characters = np.array([*string.ascii_letters, *"eeeeaaoottthhnnnsss...!?-"])
    sizes = random.integers(1, MAX_WORD_BYTES, 3000)
    words = [" " * (size % 2) + "".join(random.choice(characters, size)) for size in sizes]
    tokens = merged_words.encode(*binary_buffers(pa.array(words, pa.large_binary())))
    expected = encoder.for_clean_words().encode_words([word.replace(" ", "Ġ") for word in words])
    assert tokens.ids.tolist() == expected.ids.tolist()
    assert tokens.offsets.tolist() == expected.offsets.tolist()


@pytest.mark.parametrize(
    "merges",
    [
        pytest.param([("ab", "c"), ("a", "b")], id="merged before it is made"),
        pytest.param([("a", "b"), ("b", "c"), ("a", "bc"), ("ab", "c")], id="made in two ways"),
    ],
)
def test_merges_out_of_order_are_left_to_the_library(merges: list[tuple[str, str]]) -> None:
    assert byte_pairs_of(_model(merges)) is None


@pytest.mark.parametrize(
    "others",
    [
        {"continuing_subword_prefix": "##"},
        {"end_of_word_suffix": "</w>"},
        {"ignore_merges": True},
        {"type": "Unigram"},
    ],
    ids=str,
)
def test_a_model_that_does_more_than_merge_is_left_to_the_library(
    others: dict[str, object],
) -> None:
    assert byte_pairs_of(_model([("a", "b")])) is not None
    assert byte_pairs_of(_model([("a", "b")], **others)) is None


def test_a_vocabulary_without_some_byte_is_left_to_the_library() -> None:
    rules = CutRules(
        byte_class=bytes(256),
        pair_cut=bytes(256),
        clean=byte_flags(b"abcd"),
        clean_marker="Ġ",
    )
    assert MergedWords.of(byte_pairs_of(_model([("a", "b")])), rules) is None


def test_no_merges_are_in_order() -> None:
    assert are_in_order(np.empty((0, 3), np.int64))
