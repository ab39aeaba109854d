"""What the tokenizers library says, without any code of the project between."""

from __future__ import annotations

from functools import lru_cache

from tokenizers import Tokenizer

from transforms.functional.tokenization.tokens import Tokens, tokens_from_lists


def library_tokens(tokenizer_json: str, texts: list[str]) -> Tokens:
    """Return ``Encoding.ids`` and the changes of ``Encoding.word_ids`` of each text."""
    encodings = _loaded(tokenizer_json).encode_batch(texts, add_special_tokens=False)
    return tokens_from_lists((encoding.ids, encoding.word_ids) for encoding in encodings)


@lru_cache(maxsize=32)
def _loaded(tokenizer_json: str) -> Tokenizer:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
