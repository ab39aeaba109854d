"""Words that earlier jobs have learnt, in the user's cache folder: they make a start faster.

A file belongs to the bytes of one tokenizer, one release of its library, one set of cut rules and
one state of the code that learns words. It decides speed alone, so whatever goes wrong with it is
passed over.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from contextlib import suppress
from pathlib import Path

from transforms.functional import tokenization
from transforms.functional.tokenization.pieces.saved_pieces import add_words, dump_words
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.storage.user_cache.folder import cache_folder, keep, read_kept

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
                add_words(cache, read_kept(self._path))
                self._n_saved = len(cache)

    def save(self) -> None:
        """Save the words if many are new; forget them where the library said otherwise of one."""
        cache = self._tokenizer.cache
        try:
            if self._tokenizer.mismatches:
                self._path.unlink(missing_ok=True)
            elif cache and len(cache) - self._n_saved >= max(LEAST_NEW, self._n_saved // 4):
                self._n_saved = len(cache)
                keep(self._path, dump_words(cache))
                _remove_oldest()
        except (OSError, RuntimeError) as error:
            _log.info("cannot keep the words that were learnt: %s", error)

    @property
    def _path(self) -> Path:
        return _folder() / self._key


def _key(tokenizer: ReviewTokenizer, tokenizer_json: bytes) -> str:
    parts = (_code(), tokenizer.encoder.library, tokenizer.rules)
    return hashlib.sha256(tokenizer_json + repr(parts).encode()).hexdigest()


@functools.cache
def _code() -> str:
    """Return the hash of the code that learns words: a corrected one learns them again."""
    digest = hashlib.sha256()
    for file in sorted(Path(*tokenization.__path__).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _folder() -> Path:
    return cache_folder() / "words"


def _remove_oldest() -> None:
    by_age = sorted(_folder().iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[MAX_FILES:]:
        path.unlink(missing_ok=True)
