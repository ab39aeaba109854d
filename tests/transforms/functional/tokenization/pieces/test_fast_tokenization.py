"""The kernel: windows, spans, the dictionary, the gather."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests import tokenizers_zoo
from tests.hostile_texts import random_texts
from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.pieces import fast_tokenization, new_pieces
from transforms.functional.tokenization.pieces.cut_tables import CutRules
from transforms.functional.tokenization.pieces.fast_tokenization import (
    FastTokenizer,
    gather,
    piece_table,
    windows_of,
)
from transforms.functional.tokenization.pieces.new_pieces import NewPieceEncoder, clean_words
from transforms.functional.tokenization.pieces.piece_cache import (
    WORD_START_BIT,
    PieceCache,
    PieceTokens,
)
from transforms.functional.tokenization.pieces.safe_cuts import cut_rules_of
from transforms.functional.tokenization.text_arrays import (
    prefix_texts,
    ragged_positions,
    text_buffers,
)
from transforms.functional.tokenization.tokens import tokens_from_lists


def large(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def kernel(
    tokenizer_json: str, *, max_entries: int = 1000
) -> tuple[FastTokenizer, Encoder, CutRules, PieceCache]:
    encoder = Encoder(tokenizer_json)
    rules, reason = cut_rules_of(encoder)
    assert rules is not None, reason
    cache = PieceCache(max_entries=max_entries, max_bytes=1 << 20)
    return FastTokenizer(NewPieceEncoder(encoder, rules), rules, cache), encoder, rules, cache


def windows(texts: pa.LargeStringArray, rules: CutRules) -> list[tuple[list[str], list[int]]]:
    return [
        ([piece.decode() for piece in window.pieces.to_pylist()], window.review_starts.tolist())
        for window, _ in windows_of(*text_buffers(texts), rules)
    ]


def test_windows_cut_at_safe_places_and_at_reviews() -> None:
    _, _, rules, _ = kernel(tokenizers_zoo.bert())
    reviews = large(["A good", "", "Film!", ""])
    assert windows(reviews, rules) == [(["a", " good", "film", "!"], [0, 2, 2])]


def test_windows_share_reviews_and_grow_for_long_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_tokenization, "WINDOW_BYTES", 8)
    _, _, rules, _ = kernel(tokenizers_zoo.bert())
    reviews = large(["aa bb cc dd", "x" * 30 + " y", "z"])
    assert windows(reviews, rules) == [
        (["aa", " bb"], [0]),
        ([" cc", " dd"], []),
        (["x" * 30], [0]),
        ([" y", "z"], [1]),
    ]


@pytest.mark.parametrize("family", tokenizers_zoo.FAST)
@pytest.mark.parametrize(("window", "span"), [(1, 1), (7, 50), (1 << 20, 100)])
def test_windows_and_spans_do_not_show(
    monkeypatch: pytest.MonkeyPatch, family: str, window: int, span: int
) -> None:
    monkeypatch.setattr(fast_tokenization, "WINDOW_BYTES", window)
    monkeypatch.setattr(fast_tokenization, "SPAN_BYTES", span)
    fast, encoder, _, _ = kernel(tokenizers_zoo.FAST[family]())
    texts = large(random_texts(5, 40))
    expected = encoder.encode_plain(texts)
    assert expected.n_tokens > 200
    assert fast.encode(texts).equals(expected)


def test_gather_places_pieces_of_none_one_and_many_tokens() -> None:
    tokens = PieceTokens.of(
        tokens_from_lists([([], []), ([5], [0]), ([6, 7, 8], [0, 0, 1]), ([9], [0])])
    )
    table = piece_table(tokens, np.array([3, 2, 1, 0]))  # distinct pieces: 9, 678, 5, none
    indices = pa.array([3, 1, 0, 3, 2, 1, 3], pa.int32())
    packed, first_tokens = gather(table, indices, np.array([0, 2, 3, 6]))
    assert (packed & ~WORD_START_BIT).tolist() == [6, 7, 8, 9, 5, 6, 7, 8]
    assert (packed >> 31).tolist() == [1, 0, 1, 1, 1, 1, 0, 1]
    assert first_tokens.tolist() == [0, 3, 4, 8]


def test_ragged_positions() -> None:
    assert ragged_positions(np.array([7, 2]), np.array([2, 3])).tolist() == [7, 8, 2, 3, 4]
    assert ragged_positions(np.array([7, 9, 2]), np.array([0, 1, 0])).tolist() == [9]
    assert ragged_positions(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []


def test_prefix_goes_before_texts_without_it() -> None:
    assert prefix_texts(large(["x", "a", " b", "", "\u3000c"]).slice(1), " ").to_pylist() == [
        *(" a", " b", "", " \u3000c"),
    ]


def test_known_pieces_are_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fast, _, _, cache = kernel(tokenizers_zoo.bert())
    texts = large(["the film was good, the film!", "caf\xe9 caf\xe9"])
    expected = fast.encode(texts)
    assert len(cache) == 9  # "the", " the", " film", " was", " good", ",", "!" and café twice
    asked: list[int] = []
    encode = NewPieceEncoder.encode

    def counted(self: NewPieceEncoder, pieces: pa.LargeBinaryArray) -> object:
        asked.append(len(pieces))
        return encode(self, pieces)

    monkeypatch.setattr(NewPieceEncoder, "encode", counted)
    assert fast.encode(texts).equals(expected)
    assert asked == []
    fast.encode(large(["the new film", "a new"]))
    assert asked == [2]  # " new" and "a"


@pytest.mark.parametrize("max_entries", [0, 3, 1000])
def test_the_cache_does_not_show(max_entries: int) -> None:
    fast, encoder, _, _ = kernel(tokenizers_zoo.byte_level(), max_entries=max_entries)
    for seed in range(5):
        texts = large(random_texts(seed, 50))
        assert fast.encode(texts).equals(encoder.encode_plain(texts))


def test_clean_words_are_told_from_others() -> None:
    _, _, bert, _ = kernel(tokenizers_zoo.bert())
    _, _, gpt2, _ = kernel(tokenizers_zoo.byte_level())
    _, _, t5, _ = kernel(tokenizers_zoo.unigram())
    texts = [b"film", b" film", b"  film", b" ", b"a,b", b" 10", "caf\xe9".encode(), b"n't", b"!?"]
    pieces = pa.array([b"x", *texts], pa.large_binary()).slice(1)
    assert clean_words(pieces, bert).tolist() == [1, 1, 0, 0, 0, 1, 0, 0, 0]
    assert clean_words(pieces, gpt2).tolist() == [1, 1, 0, 0, 1, 1, 0, 0, 1]
    assert clean_words(pieces, t5).tolist() == [0, 1, 0, 0, 0, 1, 0, 0, 0]
    assert clean_words(pieces.slice(0, 0), bert).tolist() == []


@pytest.mark.parametrize("family", tokenizers_zoo.FAST)
def test_joined_words_are_split_again(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    """Clean words, joined into texts of three, give what each gives in its review."""
    monkeypatch.setattr(new_pieces, "WORDS_PER_TEXT", 3)
    monkeypatch.setattr(new_pieces, "TEXTS_PER_CALL", 2)
    fast, encoder, _, _ = kernel(tokenizers_zoo.FAST[family]())
    words = sorted({word for text in tokenizers_zoo.SENTENCES for word in text.split()})
    texts = large(["so " + " ".join(words), "so Unwatchable " + "x" * 120 + " 1998 end"])
    assert fast.encode(texts).equals(encoder.encode_plain(texts))


def test_lone_texts() -> None:
    fast, encoder, _, _ = kernel(tokenizers_zoo.bert())
    for texts in ([], [""], ["", "", ""], ["", "a", ""], [" "], ["a"]):
        tokens = fast.encode(large(texts))
        assert tokens.equals(encoder.encode_plain(large(texts)))
        assert tokens.n_reviews == len(texts)
