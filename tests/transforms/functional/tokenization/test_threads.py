"""Threads change the time, never the tokens."""

import pyarrow as pa
import pytest

from tests.oracle import SAMPLE_TOKENIZER, sample_texts
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.functional.tokenization.threads import encode_in_threads

TOKENIZER_JSON = (SAMPLE_TOKENIZER / "tokenizer.json").read_bytes()


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
