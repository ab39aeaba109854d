"""Words that earlier jobs have learnt, in the user's cache folder: they make a start faster.

A file belongs to the bytes of one tokenizer, one release of its library and one set of cut rules.
It decides speed alone, so whatever goes wrong with it is passed over.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from pathlib import Path

from transforms.functional.tokenization.pieces.saved_pieces import FORMAT, add_words, dump_words
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.storage.user_cache.folder import cache_folder, keep

LEAST_NEW = 10_000
"""Fewer new words are not worth a file: the library encodes them in 50 ms."""

MAX_FILES = 8

_log = logging.getLogger(__name__)


class KnownWords:
    """The words of one tokenizer: loaded when this is made, saved when there are many new ones."""

    def __init__(self, tokenizer: ReviewTokenizer, tokenizer_json: bytes) -> None:
        """Load what earlier jobs have learnt.

        Args:
            tokenizer: Gets the words.
            tokenizer_json: What it was made of.
        """
        self._tokenizer = tokenizer
        self._key = _key(tokenizer, tokenizer_json)
        self._n_saved = 0
        with suppress(OSError, RuntimeError):  # No such file, or no home.
            cache = tokenizer.cache
            if cache is not None:
                add_words(cache, (_folder() / self._key).read_bytes())
                self._n_saved = len(cache)

    def save(self) -> None:
        """Save the words if many are new."""
        cache = self._tokenizer.cache
        n_new = 0 if cache is None else len(cache) - self._n_saved
        if cache is None or n_new < max(LEAST_NEW, self._n_saved // 4):
            return
        self._n_saved = len(cache)
        try:
            keep(_folder() / self._key, dump_words(cache))
            _remove_oldest()
        except (OSError, RuntimeError) as error:
            _log.info("cannot keep the words that were learnt: %s", error)


def _key(tokenizer: ReviewTokenizer, tokenizer_json: bytes) -> str:
    parts = (FORMAT, tokenizer.encoder.library, tokenizer.rules)
    return hashlib.sha256(tokenizer_json + repr(parts).encode()).hexdigest()


def _folder() -> Path:
    return cache_folder() / "words"


def _remove_oldest() -> None:
    by_age = sorted(_folder().iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[MAX_FILES:]:
        path.unlink(missing_ok=True)
