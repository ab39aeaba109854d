"""The one entry: paths, literals of added tokens, the two checks."""

from __future__ import annotations

import logging
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import tokenizers_zoo
from tests.hostile_texts import random_texts
from tests.library import library_tokens
from tests.paths import ROOT
from transforms.functional.tokenization import review_tokenizer
from transforms.functional.tokenization.added_tokens import LiteralFinder
from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.pieces.cut_tables import CutRules, byte_classes, pair_flags
from transforms.functional.tokenization.pieces.safe_cuts import cut_rules_of
from transforms.functional.tokenization.review_tokenizer import (
    ReviewTokenizer,
    differing_reviews,
    sampled_rows,
)
from transforms.functional.tokenization.tokens import tokens_from_lists

SHARED = ROOT.parent / "shared" / "data"


def large(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def cut_rules(tokenizer_json: str) -> CutRules:
    rules, reason = cut_rules_of(Encoder(tokenizer_json))
    assert rules is not None, reason
    return rules


def cutting_inside_words(tokenizer_json: str, before: bytes, after: bytes) -> CutRules:
    """Return the tokenizer's rules, made wrong: they cut between two bytes as well."""
    rules = cut_rules(tokenizer_json)
    table, first, second = bytearray(rules.byte_class), 14, 15
    pairs = set(np.flatnonzero(np.frombuffer(rules.pair_cut, np.uint8)).tolist())
    for number, members in ((first, before), (second, after)):
        for byte in members:
            old = table[byte]
            table[byte] = number
            # The new class keeps the cuts of the old one.
            pairs |= {number << 4 | pair & 15 for pair in pairs if pair >> 4 == old}
            pairs |= {pair & 0xF0 | number for pair in pairs if pair & 15 == old}
    return replace(
        rules,
        byte_class=bytes(table),
        pair_cut=pair_flags([(pair >> 4, pair & 15) for pair in pairs] + [(first, second)]),
    )


@pytest.mark.parametrize("family", tokenizers_zoo.FAST)
def test_fast_path_is_taken_and_exact(family: str) -> None:
    tokenizer_json = tokenizers_zoo.FAST[family]()
    tokenizer = ReviewTokenizer(tokenizer_json)
    assert tokenizer.path == "fast", tokenizer.reason
    assert "safe cuts are known" in tokenizer.reason
    literals = [token.content for token in tokenizer.encoder.added_tokens]
    texts = random_texts(11, 300, literals)
    expected = library_tokens(tokenizer_json, texts)
    for _ in ("cold", "warm"):
        assert tokenizer.encode(large(texts)).equals(expected)
    assert tokenizer.reviews_encoded == 600
    assert 0 < tokenizer.reviews_with_literals < 300
    assert tokenizer.reviews_checked > 0
    assert tokenizer.mismatches == 0


@pytest.mark.parametrize("family", tokenizers_zoo.PLAIN)
def test_plain_path_says_why(family: str) -> None:
    tokenizer_json = tokenizers_zoo.PLAIN[family]()
    tokenizer = ReviewTokenizer(tokenizer_json)
    assert tokenizer.path == "plain"
    assert "no safe cuts are known for the pre-tokenizer" in tokenizer.reason
    texts = random_texts(12, 100)
    assert tokenizer.encode(large(texts)).equals(library_tokens(tokenizer_json, texts))


def test_plain_path_can_be_asked_for() -> None:
    tokenizer = ReviewTokenizer(tokenizers_zoo.bert(), fast=False)
    assert (tokenizer.path, tokenizer.reason) == ("plain", "asked for")


def test_reviews_in_any_arrow_array() -> None:
    tokenizer = ReviewTokenizer(tokenizers_zoo.bert())
    texts = ["left out", "the film", "", "a [MASK] b", "caf\xe9", "left out"]
    expected = library_tokens(tokenizers_zoo.bert(), texts[1:5])
    for arrow_type in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()):
        array = pa.array([text.encode() for text in texts], pa.binary()).cast(arrow_type)
        assert tokenizer.encode(array.slice(1, 4)).equals(expected), arrow_type
    with pytest.raises(ValueError, match="nulls"):
        tokenizer.encode(pa.array(["a", None]))


def test_literals_of_added_tokens_go_to_the_library() -> None:
    tokenizer_json = tokenizers_zoo.bert_with_added_tokens()
    finder = LiteralFinder(Encoder(tokenizer_json))
    expected = {
        "a [MASK] b": True,
        "a[MASK]b": True,
        "[mask]": False,  # matched in the raw text, so as it is written only
        "[user]": True,  # matched in the normalized text, so in any case
        "[USER] x": True,
        "[\xdaser]": True,
        "[us\x01er]": True,
        "CAFE\u0301\u3000X": True,
        "cafe\nx": True,
        "cafe x": True,
        "cafe  x": False,
        "Foo": True,
        "foo FOO": False,
        "goods": True,  # single_word is left to the library
        "the film": False,
        "[use r]": False,
        "": False,
    }
    assert finder.refusal == ""
    assert finder.find(large(list(expected))).tolist() == list(expected.values())
    tokenizer = ReviewTokenizer(tokenizer_json)
    texts = list(expected)
    assert tokenizer.encode(large(texts)).equals(library_tokens(tokenizer_json, texts))
    assert tokenizer.reviews_with_literals == sum(expected.values())


def test_normalized_tokens_behind_other_normalizers_refuse_the_fast_path() -> None:
    encoder = Encoder(tokenizers_zoo.albert())
    tokenizer = tokenizers_zoo.Tokenizer.from_str(tokenizers_zoo.albert())
    tokenizer.add_tokens(["[new]"])
    refused = ReviewTokenizer(tokenizer.to_str())
    assert LiteralFinder(encoder).refusal == ""
    assert refused.path == "plain"
    assert "'[new]' is matched in text normalized by Sequence" in refused.reason
    assert "normalized=false" in refused.reason


def test_a_folded_word_is_not_taken_for_an_added_token() -> None:
    """FOO is folded to foo for the dictionary; the added token foo must not match it there."""
    tokenizer = tokenizers_zoo.Tokenizer.from_str(tokenizers_zoo.bert())
    tokenizer.add_tokens([tokenizers_zoo.AddedToken("foo", normalized=False)])
    texts = ["FOO film", "Foo", "foo", "xfoo"]
    expected = library_tokens(tokenizer.to_str(), texts)
    fast = ReviewTokenizer(tokenizer.to_str())
    assert fast.path == "fast"
    assert fast.encode(large(texts)).equals(expected)
    assert fast.reviews_with_literals == 2


def test_start_up_check_catches_a_wrong_cut_table(caplog: pytest.LogCaptureFixture) -> None:
    wrong = cutting_inside_words(tokenizers_zoo.bert(), b"i", b"l")  # fi|lm
    with caplog.at_level(logging.WARNING):
        tokenizer = ReviewTokenizer(tokenizers_zoo.bert(), cut_rules=wrong)
    assert tokenizer.path == "plain"
    assert tokenizer.reason.startswith("the start-up check found other tokens for ")
    assert "the start-up check" in caplog.text
    texts = ["the film"]
    assert tokenizer.encode(large(texts)).equals(library_tokens(tokenizers_zoo.bert(), texts))


@pytest.mark.parametrize(
    "wrong",
    [
        CutRules(byte_class=bytes([1] * 256), pair_cut=pair_flags([(1, 1)])),  # at every byte
        CutRules(byte_class=byte_classes({1: b" "}), pair_cut=pair_flags([(1, 0)])),  # after spaces
    ],
)
@pytest.mark.parametrize("family", ["gpt2", "metaspace-always"])
def test_start_up_check_catches_wrong_families(family: str, wrong: CutRules) -> None:
    tokenizer = ReviewTokenizer(tokenizers_zoo.FAST[family](), cut_rules=wrong)
    assert tokenizer.path == "plain"
    assert "start-up check" in tokenizer.reason


def test_cuts_inside_a_character_are_caught_in_the_run() -> None:
    """Pieces that are no UTF-8 stop nothing: the part is encoded by the library."""
    tokenizer_json = tokenizers_zoo.bert()
    wrong = cutting_inside_words(tokenizer_json, b"\xea", b"\x9f")  # in no hostile text
    tokenizer = ReviewTokenizer(tokenizer_json, cut_rules=wrong)
    assert tokenizer.path == "fast"
    bad = ["the \ua7c0 film"]
    assert tokenizer.encode(large(bad)).equals(library_tokens(tokenizer_json, bad))
    assert tokenizer.path == "plain"
    assert "no whole characters" in tokenizer.reason
    assert tokenizer.mismatches == 0


def test_start_up_check_catches_wrong_clean_words() -> None:
    rules = cut_rules(tokenizers_zoo.byte_level())
    assert ReviewTokenizer(tokenizers_zoo.byte_level(), cut_rules=rules).path == "fast"
    wrong = replace(rules, clean_marker="")
    assert ReviewTokenizer(tokenizers_zoo.byte_level(), cut_rules=wrong).path == "plain"


def test_sampled_check_catches_what_the_start_up_check_missed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokenizer_json = tokenizers_zoo.bert()
    wrong = cutting_inside_words(tokenizer_json, b"z", b"q")  # in no hostile text
    tokenizer = ReviewTokenizer(tokenizer_json, cut_rules=wrong)
    assert (tokenizer.path, tokenizer.reason) == ("fast", "safe cuts are known for given")
    good = ["the film was good"] * 10
    assert tokenizer.encode(large(good)).equals(library_tokens(tokenizer_json, good))
    assert (tokenizer.path, tokenizer.reviews_checked) == ("fast", 1)

    bad = ["a zq word"] * 10
    with caplog.at_level(logging.ERROR):
        tokens = tokenizer.encode(large(bad))
    # The part in which the mismatch was found is right as well.
    assert tokens.equals(library_tokens(tokenizer_json, bad))
    assert (tokenizer.path, tokenizer.mismatches, tokenizer.reviews_checked) == ("plain", 1, 2)
    assert "the check in the run found other tokens for 'a zq word'" in tokenizer.reason
    assert "changes to the plain path" in caplog.text
    assert tokenizer.encode(large(bad)).equals(tokens)


def test_a_wrong_cut_table_is_wrong_without_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks are what saves the test above: without a sample the tokens differ."""
    tokenizer_json = tokenizers_zoo.bert()
    wrong = cutting_inside_words(tokenizer_json, b"z", b"q")
    monkeypatch.setattr(review_tokenizer, "MAX_CHECKED_REVIEWS", 0)
    tokenizer = ReviewTokenizer(tokenizer_json, cut_rules=wrong)
    bad = ["a zq word"] * 10
    different = differing_reviews(tokenizer.encode(large(bad)), library_tokens(tokenizer_json, bad))
    assert different.tolist() == list(range(10))


def test_sample_is_spread_by_position_and_holds_texts_beyond_ascii() -> None:
    texts = ["a"] * 1000
    assert sampled_rows(large(texts)).tolist() == [125, 375, 625, 875]
    texts[10] = texts[998] = "\xe9"
    assert sampled_rows(large(texts)).tolist() == [125, 375, 625, 875, 998]
    assert sampled_rows(large(["a"])).tolist() == [0]
    assert sampled_rows(large([])).tolist() == []
    assert sampled_rows(large(["x" * (review_tokenizer.MAX_CHECKED_BYTES + 1)])).tolist() == []


def test_differing_reviews() -> None:
    first = tokens_from_lists([([1], [0]), ([2, 3], [0, 0]), ([4], [0])])
    second = tokens_from_lists([([1], [0]), ([2, 3], [0, 1]), ([5], [0])])
    assert differing_reviews(first, second).tolist() == [1, 2]
    assert differing_reviews(first, first).tolist() == []
    with pytest.raises(ValueError, match="of 3 reviews there are tokens of 1"):
        differing_reviews(first, first.slice(0, 1))


def test_threads_share_a_tokenizer() -> None:
    tokenizer_json = tokenizers_zoo.bert()
    tokenizer = ReviewTokenizer(tokenizer_json, cache_entries=200)
    wrong: list[int] = []

    def work(seed: int) -> None:
        for turn in range(5):
            texts = random_texts(seed * 10 + turn, 60)
            expected = library_tokens(tokenizer_json, texts)
            if not tokenizer.encode(large(texts)).equals(expected):
                wrong.append(seed)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert wrong == []
    assert tokenizer.reviews_encoded == 4 * 5 * 60


def test_a_tokenizer_is_never_pickled() -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(ReviewTokenizer(tokenizers_zoo.bert()))


def test_hostile_parts() -> None:
    """A million empty reviews, a long word, many distinct words, white space only."""
    tokenizer = ReviewTokenizer(tokenizers_zoo.bert(), cache_entries=5_000)
    assert tokenizer.encode(large([""] * 1_000_000)).n_reviews == 1_000_000
    assert tokenizer.encode(large(["a " + "x" * 2_000_000 + " b"])).lengths.tolist() == [3]
    distinct = " ".join(f"w{number}" for number in range(30_000))
    tokens = tokenizer.encode(large([distinct]))
    assert int(tokens.word_starts.sum()) == 30_000
    assert tokenizer.encode(large([" \n\t" * 100_000])).n_tokens == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bert-base-uncased", "distilbert-base-uncased", "gpt2"])
def test_real_reviews_and_tokenizers(name: str) -> None:
    path = SHARED / "tokenizers" / name / "tokenizer.json"
    reviews = SHARED / "imdb" / "sample_2000.parquet"
    for needed in (path, reviews):
        if not needed.exists():
            pytest.skip(f"{needed.relative_to(SHARED)} is not beside the project")
    tokenizer_json = path.read_text(encoding="utf-8")
    texts = pq.read_table(reviews)["text"].combine_chunks()
    expected = library_tokens(tokenizer_json, texts.to_pylist())
    assert expected.n_tokens > 500_000
    tokenizer = ReviewTokenizer(tokenizer_json)
    assert tokenizer.path == "fast"
    assert tokenizer.encode(texts).equals(expected)
