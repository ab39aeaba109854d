"""The tokenizers library: texts in, tokens out.

`encode_plain` is the plain path: the library's own ids and words, for every kind of fast
tokenizer. Everything faster is measured against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NoReturn

import numpy as np
import pyarrow as pa
import tokenizers

from transforms.functional.errors import TokenizerError
from transforms.functional.tokenization.panics import is_panic
from transforms.functional.tokenization.text_arrays import as_large_string, batches_of
from transforms.functional.tokenization.tokens import (
    EncodedWords,
    Int64Array,
    Tokens,
    UInt32Array,
    concatenate,
    empty_tokens,
    offsets_of,
)

PLAIN_BATCH_BYTES = 1 << 20
"""Text given to the library at once: its encodings weigh some 60 times their text."""


class TextEncoder:
    """Texts in, tokens out, by the library alone and without template tokens."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        """Use ``tokenizer``, which has neither template nor truncation nor padding."""
        self._tokenizer = tokenizer

    def encode_plain(self, texts: pa.Array | Sequence[str]) -> Tokens:
        """Encode each text by the library alone, without template tokens.

        Args:
            texts: strings, or an Arrow array of strings or of UTF-8 bytes.

        Returns:
            One review a text. Memory beyond the result is bounded by ``PLAIN_BATCH_BYTES`` or by
            the longest text.

        Raises:
            TypeError, ValueError: ``texts`` are no texts (see ``as_large_string``).
            TokenizerError: see ``encode_words``.
        """
        batches = batches_of(as_large_string(texts), PLAIN_BATCH_BYTES)
        return concatenate([self.encode_batch(batch.to_pylist()) for batch in batches])

    def encode_batch(self, texts: list[str]) -> Tokens:
        """Encode ``texts`` in one call of the library; see ``encode_plain`` for many."""
        if not texts:
            return empty_tokens()
        words = self.encode_words(texts)
        word_starts = np.ones(len(words.ids), np.bool_)
        np.not_equal(words.word_ids[1:], words.word_ids[:-1], out=word_starts[1:])
        word_starts[words.offsets[:-1][words.lengths > 0]] = True
        return Tokens(words.ids, word_starts, words.offsets)

    def encode_words(self, texts: list[str]) -> EncodedWords:
        """Encode ``texts`` in one call of the library, with its own numbers of their words.

        Raises:
            TokenizerError: the tokenizer cannot encode some text (it lacks an unknown token).
        """
        # Not encode_batch_fast: its word_ids are None throughout.
        encodings = _asked(self._tokenizer.encode_batch, texts)
        ids, offsets = _ids_of(encodings)
        # Word ids are None for template tokens only, and the template is off.
        word_ids = chain.from_iterable(encoding.word_ids for encoding in encodings)
        return EncodedWords(ids, np.fromiter(word_ids, np.int64, len(ids)), offsets)

    def __getstate__(self) -> NoReturn:
        """Refuse to be pickled: a worker loads its own from the tokenizer.json.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            "an encoder is never pickled; send the tokenizer.json and load it in the worker"
        )


class WordPieceEncoder(TextEncoder):
    """A WordPiece model alone, on words with a line break between.

    Its tokens say themselves which of them go on with a word (``##able``), so that the library
    need not: ``encode_batch_fast`` gives ids alone, in three fifths of the time.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer, continuing_prefix: str) -> None:
        """Look up which tokens start with the model's ``continuing_subword_prefix``."""
        super().__init__(tokenizer)
        vocabulary = tokenizer.get_vocab(with_added_tokens=False)
        self._goes_on = np.zeros(max(vocabulary.values(), default=-1) + 1, np.bool_)
        self._goes_on[
            [number for token, number in vocabulary.items() if token.startswith(continuing_prefix)]
        ] = True

    def encode_words(self, texts: list[str]) -> EncodedWords:
        """Encode ``texts`` in one call of the library; see ``TextEncoder``."""
        encodings = _asked(self._tokenizer.encode_batch_fast, texts)
        ids, offsets = _ids_of(encodings)
        n_words = np.concatenate([[0], np.cumsum(~self._goes_on[ids])])
        if np.diff(n_words[offsets]).tolist() != [text.count("\n") + 1 for text in texts]:
            # A word that itself starts with the prefix: the library knows where it starts.
            return super().encode_words(texts)
        before = np.repeat(n_words[offsets[:-1]], np.diff(offsets))
        return EncodedWords(ids, n_words[1:] - before - 1, offsets)


def _asked(
    encode: Callable[..., list[tokenizers.Encoding]], texts: list[str]
) -> list[tokenizers.Encoding]:
    """Return what the library makes of texts.

    Raises:
        TokenizerError: it cannot encode some text.
    """
    try:
        return encode(texts, add_special_tokens=False)
    except BaseException as error:  # The library raises bare Exception, and panics.
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        raise cannot_encode(error) from error


def _ids_of(encodings: Sequence[tokenizers.Encoding]) -> tuple[UInt32Array, Int64Array]:
    """Return the ids of all texts, and their offsets."""
    offsets = offsets_of([len(encoding) for encoding in encodings])
    ids = chain.from_iterable(encoding.ids for encoding in encodings)
    return np.fromiter(ids, np.uint32, int(offsets[-1])), offsets


def cannot_encode(error: BaseException) -> TokenizerError:
    """Return the error for a text that the library does not encode."""
    if is_panic(error):
        return TokenizerError(
            f"the tokenizer gave up on a text ({error}): one of its patterns takes too long "
            f"for it; take such texts out (long runs of blanks, often), or use another tokenizer"
        )
    return TokenizerError(
        f"the tokenizer cannot encode a text ({error}); give its model an unk_token that is in its "
        "vocabulary"
    )
