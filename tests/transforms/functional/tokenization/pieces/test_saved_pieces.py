"""Known words as bytes."""

import numpy as np
import pyarrow as pa
import pytest

from tests.tokenizers_zoo import FAST
from transforms.functional.tokenization.pieces import saved_pieces
from transforms.functional.tokenization.pieces.piece_cache import PieceCache, PieceTokens
from transforms.functional.tokenization.pieces.saved_pieces import add_words, dump_words
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.functional.tokenization.tokens import tokens_from_lists


def _cache(*words: str) -> PieceCache:
    cache = PieceCache(max_entries=1000, max_bytes=1 << 20)
    tokens = tokens_from_lists(([at, at + 1], [0, 0]) for at in range(len(words)))
    cache.add(
        pa.array([word.encode() for word in words], pa.large_binary()), PieceTokens.of(tokens)
    )
    return cache


def _loaded(data: bytes) -> list[str]:
    cache = PieceCache(max_entries=1000, max_bytes=1 << 20)
    add_words(cache, data)
    return [piece.decode() for piece in cache.content()[0].to_pylist()]


def test_words_of_letters_come_back_with_their_tokens_and_nothing_else_is_kept() -> None:
    cache = _cache("film", " 4111", " Film", "café", "@me", " ", "x" * 33, " end")
    other = PieceCache(max_entries=1000, max_bytes=1 << 20)
    add_words(other, dump_words(cache))
    pieces, tokens = other.content()
    assert pieces.to_pylist() == [b"film", b" Film", b" end"]
    assert np.array_equal(tokens.packed, cache.content()[1].take(np.array([0, 2, 7])).packed)
    assert _loaded(dump_words(_cache())) == []


def test_the_first_words_are_kept_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_pieces, "MAX_WORDS", 2)
    assert _loaded(dump_words(_cache("a", "b", "c"))) == ["a", "b"]


TEXTS = ["It's a good film, a bad end", "naïve Good goodness 12 [MASK] ...", "", "  end  "]


@pytest.mark.parametrize("family", ["bert-uncased", "gpt2", "t5"])
def test_tokens_are_the_librarys_whether_words_were_learnt_here_or_elsewhere(family: str) -> None:
    document = FAST[family]().encode()
    there, here = ReviewTokenizer(document), ReviewTokenizer(document)
    expected = there.encode(pa.array(TEXTS))
    assert there.cache is not None
    assert here.cache is not None
    add_words(here.cache, dump_words(there.cache))
    assert len(here.cache) > 0
    assert here.encode(pa.array(TEXTS)).equals(expected)
    assert expected.equals(here.encoder.encode_plain(TEXTS))
