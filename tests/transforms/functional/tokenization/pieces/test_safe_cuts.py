"""Which tokenizers have safe cuts, where they cut, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from tests import tokenizers_zoo
from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.pieces.cut_tables import (
    CutRules,
    byte_flags,
    cut_mask,
    pair_flags,
)
from transforms.functional.tokenization.pieces.safe_cuts import cut_rules_of


def rules_of(tokenizer_json: str) -> CutRules:
    rules, reason = cut_rules_of(Encoder(tokenizer_json))
    assert rules is not None, reason
    return rules


def pieces(rules: CutRules, text: str) -> list[str]:
    data = text.encode()
    if rules.lower:
        data = data.lower()
    cuts = [*np.flatnonzero(cut_mask(data, rules)).tolist(), len(data)]
    return [data[a:b].decode() for a, b in pairwise(cuts)]


def test_bert_cuts_before_white_space_and_around_punctuation() -> None:
    rules = rules_of(tokenizers_zoo.bert())
    assert pieces(rules, "The film  wasn't\tgood...Été\xa0a\x0bb") == [
        *("the", " film", "  wasn", "'", "t", "\tgood", ".", ".", ".", "\xc9t\xe9\xa0a\x0bb"),
    ]
    assert pieces(rules_of(tokenizers_zoo.bert(lowercase=False)), "A B") == ["A", " B"]


def test_byte_level_cuts_before_spaces_and_between_letters_digits_and_marks() -> None:
    rules = rules_of(tokenizers_zoo.byte_level())
    assert pieces(rules, "don't  stop... it's 10x\n y!'s m\xfc \xa0 z") == [
        *("don", "'t", "  stop", "...", " it", "'s", " 10", "x\n y", "!'s", " m\xfc", " \xa0 z"),
    ]


def test_byte_level_does_not_cut_after_white_space_beyond_ascii() -> None:
    rules = rules_of(tokenizers_zoo.byte_level())
    blanks = [chr(c) for c in range(0x80, 0x3100) if chr(c).isspace()]
    assert len(blanks) == 19
    for blank in [*blanks, "\u180e"]:
        assert pieces(rules, f"{blank} a") == [f"{blank} a"], hex(ord(blank))
    assert pieces(rules, "\xfc a") == ["\xfc", " a"]


def test_metaspace_cuts_before_a_single_space_among_ascii() -> None:
    rules = rules_of(tokenizers_zoo.unigram())
    assert pieces(rules, "the film  was \xe9t\xe9 so good\u0301 ok \u0301xy end") == [
        *("the", " film  was \xe9t\xe9 so", " good\u0301 ok \u0301xy", " end"),
    ]


def test_metaspace_keeps_away_from_replaced_characters() -> None:
    rules = rules_of(tokenizers_zoo.albert())
    assert pieces(rules, "ab cd` ef '' gh") == ["ab", " cd` ef '' gh"]


@pytest.mark.parametrize("family", tokenizers_zoo.FAST)
def test_safe_cuts_are_known(family: str) -> None:
    rules, reason = cut_rules_of(Encoder(tokenizers_zoo.FAST[family]()))
    assert rules is not None, reason
    assert reason in ("BertPreTokenizer", "ByteLevel", "Metaspace")


@pytest.mark.parametrize(
    ("family", "reason"),
    [("word-level", "pre-tokenizer Whitespace"), ("llama", "pre-tokenizer none")],
)
def test_safe_cuts_are_not_known(family: str, reason: str) -> None:
    rules, found = cut_rules_of(Encoder(tokenizers_zoo.PLAIN[family]()))
    assert rules is None
    assert reason in found


@pytest.mark.parametrize(
    ("prepend_scheme", "whitespace_split", "marker"),
    [
        ("always", False, "▁"), ("first", False, "▁"), ("never", False, "▁"),
        ("always", True, "▁"), ("first", True, ""), ("never", True, ""),
    ],
)  # fmt: skip
def test_what_stands_before_a_word_after_a_space(
    prepend_scheme: str, whitespace_split: bool, marker: str
) -> None:
    tokenizer_json = tokenizers_zoo.unigram(
        prepend_scheme=prepend_scheme, whitespace_split=whitespace_split
    )
    assert rules_of(tokenizer_json).clean_marker == marker
    _, pre_tokenized = Tokenizer.from_str(tokenizer_json).pre_tokenizer.pre_tokenize_str("a good")  # type: ignore[union-attr]
    assert pre_tokenized[0] == f"{marker}good"


def _changed(change: Callable[[Tokenizer], None], make: Callable[[], str]) -> Encoder:
    tokenizer = Tokenizer.from_str(make())
    change(tokenizer)
    return Encoder(tokenizer.to_str())


def _normalizer(normalizer: Any) -> Callable[[Tokenizer], None]:
    def change(tokenizer: Tokenizer) -> None:
        tokenizer.normalizer = normalizer

    return change


def _pre_tokenizer(pre_tokenizer: Any) -> Callable[[Tokenizer], None]:
    def change(tokenizer: Tokenizer) -> None:
        tokenizer.pre_tokenizer = pre_tokenizer

    return change


_METASPACE = pre_tokenizers.Metaspace()


@pytest.mark.parametrize(
    ("make", "change", "reason"),
    [
        (tokenizers_zoo.bert, _normalizer(normalizers.NFKC()), "NFKC before BertPreTokenizer"),
        (tokenizers_zoo.byte_level, _normalizer(normalizers.NFC()), "NFC before ByteLevel"),
        (
            tokenizers_zoo.byte_level,
            _pre_tokenizer(pre_tokenizers.ByteLevel(use_regex=False)),
            "ByteLevel.use_regex=False",
        ),
        (tokenizers_zoo.unigram, _normalizer(normalizers.Nmt()), "Nmt before Metaspace"),
        (tokenizers_zoo.unigram, _normalizer(normalizers.Prepend("▁")), "Prepend before Metaspace"),
        (tokenizers_zoo.unigram, _normalizer(normalizers.Strip()), "Strip.strip_left=True"),
        (tokenizers_zoo.unigram, _normalizer(normalizers.Replace("a ", "b")), "Replace of"),
        (
            tokenizers_zoo.unigram,
            _normalizer(normalizers.Replace(Regex(r"\s+"), " ")),
            "Replace.pattern",
        ),
        (
            tokenizers_zoo.unigram,
            _normalizer(normalizers.Replace(Regex(" {2,}"), "\u0600")),
            "Replace.content",
        ),
        (
            tokenizers_zoo.unigram,
            _normalizer(normalizers.Replace("x", "y")),
            "changes single spaces or plain letters",
        ),
        (
            tokenizers_zoo.unigram,
            _pre_tokenizer(pre_tokenizers.Metaspace(split=False)),
            "Metaspace.split=False",
        ),
        (
            tokenizers_zoo.unigram,
            _pre_tokenizer(pre_tokenizers.Metaspace(replacement="_")),
            "Metaspace.replacement='_'",
        ),
        (
            tokenizers_zoo.unigram,
            _pre_tokenizer(pre_tokenizers.Sequence([pre_tokenizers.Digits(), _METASPACE])),
            "pre-tokenizers Digits, Metaspace",
        ),
    ],
)
def test_what_is_not_recognised_has_no_cuts(
    make: Callable[[], str], change: Callable[[Tokenizer], None], reason: str
) -> None:
    rules, found = cut_rules_of(_changed(change, make))
    assert rules is None
    assert reason in found


@pytest.mark.parametrize("component", ["pre_tokenizer", "normalizer", "model", None])
def test_a_setting_that_is_not_known_has_no_cuts(component: str | None) -> None:
    encoder = Encoder(tokenizers_zoo.bert())
    owner = encoder.config if component is None else encoder.config[component]
    owner["new_setting"] = True
    rules, reason = cut_rules_of(encoder)
    assert rules is None
    assert "settings that are not known: new_setting" in reason


def test_a_number_is_no_truth_value() -> None:
    encoder = Encoder(tokenizers_zoo.byte_level())
    encoder.config["pre_tokenizer"]["use_regex"] = 1
    assert cut_rules_of(encoder) == (None, "no safe cuts are known for ByteLevel.use_regex=1")


def test_precompiled_charsmaps_that_touch_plain_text() -> None:
    """Letters that a charsmap changes are no neighbours of a cut; spaces must stay spaces."""
    changed_b = tokenizers_zoo.unigram(charsmap=tokenizers_zoo.charsmap_of({"b": "\u0600"}))
    assert pieces(rules_of(changed_b), "aa cc bb dd aa") == ["aa", " cc bb dd", " aa"]
    changed_space = tokenizers_zoo.unigram(charsmap=tokenizers_zoo.charsmap_of({" ": "_"}))
    rules, reason = cut_rules_of(Encoder(changed_space))
    assert rules is None
    assert "changes single spaces" in reason


def test_tables_have_256_entries() -> None:
    with pytest.raises(ValueError, match="pair_cut must have 256 entries, got 3"):
        CutRules(byte_class=bytes(256), pair_cut=b"abc")
    assert sum(byte_flags(b"ab")) == 2
    assert cut_mask(b"", CutRules(bytes(256), bytes(256))).tolist() == []


@given(st.binary(), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), max_size=20))
def test_a_cut_is_where_the_pair_of_classes_says(data: bytes, pairs: list[tuple[int, int]]) -> None:
    table = bytes(byte % 16 for byte in range(256))
    mask = cut_mask(data, CutRules(byte_class=table, pair_cut=pair_flags(pairs)))
    asked = [True, *((a % 16, b % 16) in pairs for a, b in pairwise(data))]
    assert mask.tolist() == asked[: len(data)]


def test_more_kinds_of_pairs_than_half_a_byte_can_tell_are_refused() -> None:
    rules = CutRules(byte_class=bytes(256), pair_cut=pair_flags((n, n) for n in range(5)))
    with pytest.raises(ValueError, match="at most 4 kinds of rows, got 5"):
        cut_mask(b"ab", rules)


def test_zoo_has_what_upstream_files_have() -> None:
    """The families are no straw men: their JSON holds the components of the real ones."""
    albert = json.loads(tokenizers_zoo.albert())
    assert [step["type"] for step in albert["normalizer"]["normalizers"]] == [
        *("Replace", "Replace", "NFKD", "StripAccents", "Lowercase", "Precompiled"),
    ]
    assert Encoder(tokenizers_zoo.xlm_r()).normalize("a\u3000b \xa0  c ") == "a b▁c"
