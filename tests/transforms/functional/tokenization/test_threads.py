"""Threads change the time, never the tokens."""

import threading

import pyarrow as pa
import pytest

from tests.jobs import TOKENIZER
from tests.oracle import sample_texts
from transforms.functional.tokenization.pieces.new_pieces import NewPieceEncoder
from transforms.functional.tokenization.pieces.piece_cache import Found, PieceCache
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.functional.tokenization.threads import encode_in_threads
from transforms.functional.tokenization.tokens import Tokens

TOKENIZER_JSON = (TOKENIZER / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 1000])
def test_any_number_of_threads_gives_the_same_tokens_in_order(threads: int) -> None:
    texts = pa.array(sample_texts(), pa.large_string())
    expected = ReviewTokenizer(TOKENIZER_JSON).encode(texts)
    assert expected.n_tokens > 10_000
    tokens = encode_in_threads(ReviewTokenizer(TOKENIZER_JSON), texts, threads)
    assert tokens.equals(expected)


def test_no_review_gives_no_token() -> None:
    tokens = encode_in_threads(ReviewTokenizer(TOKENIZER_JSON), pa.array([], pa.large_string()), 4)
    assert len(tokens) == 0


def test_threads_that_meet_the_same_new_words_encode_them_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = ReviewTokenizer(TOKENIZER_JSON)
    together = threading.Barrier(2, timeout=30)
    encoded: list[str] = []
    find, encode = PieceCache.find, NewPieceEncoder.encode

    def find_together(cache: PieceCache, pieces: pa.LargeBinaryArray) -> Found:
        found = find(cache, pieces)
        if not encoded:
            together.wait()  # Neither has learnt anything when both have looked.
        return found

    def encode_counted(encoder: NewPieceEncoder, pieces: pa.LargeBinaryArray) -> Tokens:
        encoded.extend(piece.decode() for piece in pieces.to_pylist())
        return encode(encoder, pieces)

    monkeypatch.setattr(PieceCache, "find", find_together)
    monkeypatch.setattr(NewPieceEncoder, "encode", encode_counted)
    texts = pa.array(["the same film", "the same film"], pa.large_string())
    tokens = encode_in_threads(tokenizer, texts, 2)
    assert tokens.slice(0, 1).equals(tokens.slice(1, 2))
    assert sorted(encoded) == [" film", " same", "the"]
