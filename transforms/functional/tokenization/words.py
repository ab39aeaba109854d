"""Whether a tokenizer has words at all: masks of whole words need them."""

from __future__ import annotations

from transforms.functional.tokenization.text_encoder import TextEncoder

_SOME_WORDS = "Two words, and more of them.\nA second line!"

NO_WORDS = (
    "the tokenizer has no words: it has no pre-tokenizer that cuts at spaces, so a whole review is "
    "one word, of which all tokens would be masked or none"
)


def has_words(encoder: TextEncoder) -> bool:
    """Return False where a whole text is one word."""
    return int(encoder.encode_batch([_SOME_WORDS]).word_starts.sum()) > 1
