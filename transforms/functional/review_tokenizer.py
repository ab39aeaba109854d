"""Reviews in, tokens out: the one entry to tokenization."""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa

from transforms.functional.encoder import Encoder
from transforms.functional.tokens import Tokens


class ReviewTokenizer:
    """Encode whole parts of reviews, with the library's ids and words."""

    def __init__(
        self,
        tokenizer_json: bytes,
        *,
        cache_entries: int = 1_000_000,
        cache_bytes: int = 128 << 20,
    ) -> None:
        """Load the tokenizer."""
        self.encoder = Encoder(tokenizer_json)
        self.path = "plain"
        self.reason = "the fast path is not written yet"

    def encode(self, texts: pa.Array) -> Tokens:
        """Encode each review."""
        return self.encoder.encode_plain(texts)

    def __getstate__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError(
            "a ReviewTokenizer is never pickled; send the tokenizer.json and load it in the worker"
        )
