"""Reviews in, tokens out: the one entry to tokenization.

Two paths give the same tokens. The plain path is the library. The fast path cuts reviews into
pieces and encodes each different piece once; it is taken when safe cuts are known for the
tokenizer, and watched: at start-up on hostile texts, in the run on a sample of each part.
"""

from __future__ import annotations

import logging
import threading
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.tokenization.added_tokens import LiteralFinder
from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.pieces.cut_tables import CutRules
from transforms.functional.tokenization.pieces.fast_tokenization import FastTokenizer
from transforms.functional.tokenization.pieces.new_pieces import NewPieceEncoder, WrongCutsError
from transforms.functional.tokenization.pieces.piece_cache import PieceCache
from transforms.functional.tokenization.pieces.safe_cuts import cut_rules_of
from transforms.functional.tokenization.text_arrays import as_large_string
from transforms.functional.tokenization.tokens import BoolArray, Tokens, interleave
from transforms.functional.tokenization.torture import torture_texts

_LOGGER = logging.getLogger(__name__)

CACHE_ENTRIES = 500_000
CACHE_BYTES = 64 << 20
MAX_CHECKED_BYTES = 64 << 10
"""Longer reviews are left out of the sampled check."""
MAX_CHECKED_REVIEWS = 4
REVIEWS_PER_CHECK = 64
MAX_CHECKED_LITERALS = 16


class ReviewTokenizer:
    """Encodes parts of reviews with the library's ids and words; for all threads of a worker.

    Attributes:
        encoder: the library's tokenizer.
        path: ``"fast"`` or ``"plain"``; a mismatch turns fast to plain for good.
        reason: why this path, in words.
        reviews_encoded: reviews encoded so far.
        reviews_with_literals: those of them that the fast path left to the library, because they
            may hold the text of an added token.
        reviews_checked: those of them that were compared with the library.
        mismatches: those of them whose tokens differed; their part was encoded again.
    """

    def __init__(
        self,
        tokenizer: bytes | str | Encoder,
        *,
        cache_entries: int = CACHE_ENTRIES,
        cache_bytes: int = CACHE_BYTES,
        fast: bool = True,
        cut_rules: CutRules | None = None,
    ) -> None:
        """Load the tokenizer, choose the path and check it on hostile texts.

        Args:
            tokenizer: content of a ``tokenizer.json``, or its encoder where one is at hand.
            cache_entries: most pieces to remember.
            cache_bytes: most bytes to remember them in.
            fast: False takes the plain path.
            cut_rules: other rules than those known for the tokenizer, for tests.

        Raises:
            TokenizerError: the tokenizer cannot be used (see ``Encoder``).
        """
        self.encoder = tokenizer if isinstance(tokenizer, Encoder) else Encoder(tokenizer)
        self.reviews_encoded = 0
        self.reviews_with_literals = 0
        self.reviews_checked = 0
        self.mismatches = 0
        self._lock = threading.Lock()
        self._fast: FastTokenizer | None = None
        self._literals = LiteralFinder(self.encoder)
        self.path = "plain"
        self.reason = "asked for"
        if fast:
            cache = PieceCache(max_entries=cache_entries, max_bytes=cache_bytes)
            self._choose_path(cut_rules, cache)

    @property
    def rules(self) -> CutRules | None:
        """Where the fast path cuts texts; None on the plain path."""
        return self._fast.rules if self._fast else None

    @property
    def cache(self) -> PieceCache | None:
        """The pieces that the fast path knows; None on the plain path."""
        return self._fast.cache if self._fast else None

    def encode(self, texts: pa.Array) -> Tokens:
        """Return the tokens of each review, without template tokens.

        Args:
            texts: string, large_string, binary or large_binary of UTF-8; slices are fine.

        Raises:
            TypeError, ValueError: nulls, other types or bytes that are not UTF-8.
            TokenizerError: the tokenizer cannot encode some text.
        """
        texts = as_large_string(texts)
        fast = self._fast
        with self._lock:
            self.reviews_encoded += len(texts)
        if fast is None:
            return self.encoder.encode_plain(texts)
        has_literal = self._literals.find(texts)
        try:
            tokens = self._encode_fast(fast, texts, has_literal)
        except WrongCutsError as error:
            self._leave_fast_path(str(error))
            return self.encoder.encode_plain(texts)
        rows = sampled_rows(texts)
        different = self._differing(texts, tokens, rows)
        with self._lock:
            self.reviews_with_literals += int(has_literal.sum())
            self.reviews_checked += len(rows)
            self.mismatches += len(different)
        if len(different) == 0:
            return tokens
        text = texts[int(different[0])].as_py()
        self._leave_fast_path(f"other tokens for {text[:80]!r}")
        return self.encoder.encode_plain(texts)

    def _choose_path(self, cut_rules: CutRules | None, cache: PieceCache) -> None:
        rules, self.reason = (cut_rules, "given") if cut_rules else cut_rules_of(self.encoder)
        if rules is None:
            return
        if self._literals.refusal:
            self.reason = self._literals.refusal
            return
        new_pieces = NewPieceEncoder(self.encoder, rules)
        # A cache of its own, so that the hostile words do not take room in the other.
        trial = FastTokenizer(new_pieces, rules, PieceCache(max_entries=1000, max_bytes=1 << 20))
        if self._passes_check(trial):
            self.path = "fast"
            self.reason = f"safe cuts are known for {self.reason}"
            self._fast = FastTokenizer(new_pieces, rules, cache)

    def _passes_check(self, trial: FastTokenizer) -> bool:
        literals = [token.content for token in self.encoder.added_tokens[:MAX_CHECKED_LITERALS]]
        finding = self._start_up_finding(trial, as_large_string(torture_texts(literals)))
        if finding:
            self.reason = f"the start-up check found {finding}"
            _LOGGER.warning("Tokenizing takes the plain path: %s.", self.reason)
        return not finding

    def _start_up_finding(self, trial: FastTokenizer, texts: pa.LargeStringArray) -> str:
        expected = self.encoder.encode_plain(texts)
        has_literal = self._literals.find(texts)
        # Twice: the first run fills the trial's cache, the second reads it.
        for _ in range(2):
            try:
                tokens = self._encode_fast(trial, texts, has_literal)
            except WrongCutsError as error:
                return str(error)
            different = differing_reviews(expected, tokens)
            if len(different):
                return f"other tokens for {texts[int(different[0])].as_py()[:80]!r}"
        return ""

    def _encode_fast(
        self, fast: FastTokenizer, texts: pa.LargeStringArray, has_literal: BoolArray
    ) -> Tokens:
        if not has_literal.any():
            return fast.encode(texts)
        whole = self.encoder.encode_plain(texts.filter(pa.array(has_literal)))
        cut = fast.encode(texts.filter(pa.array(~has_literal)))
        return interleave(has_literal, whole, cut)

    def _differing(
        self, texts: pa.LargeStringArray, tokens: Tokens, rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Return those of ``rows`` whose tokens differ from the library's."""
        expected = self.encoder.encode_plain(texts.take(pa.array(rows)))
        return np.array(
            [
                row
                for i, row in enumerate(rows.tolist())
                if not expected.slice(i, i + 1).equals(tokens.slice(row, row + 1))
            ],
            np.int64,
        )

    def _leave_fast_path(self, finding: str) -> None:
        with self._lock:
            self._fast = None
            self.path = "plain"
            self.reason = f"the check in the run found {finding}"
        _LOGGER.error(
            "Tokenizing changes to the plain path: %s. This part is encoded again; parts that this "
            "worker finished before were sampled and agreed, yet make the dataset again with the "
            "plain path to be sure, and report the text and the tokenizer.",
            self.reason,
        )

    def __getstate__(self) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            "a ReviewTokenizer is never pickled; send the tokenizer.json and make one in the "
            "worker's setup"
        )


def sampled_rows(texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    """Return the reviews of a part that are compared with the library, by position alone.

    At most ``MAX_CHECKED_REVIEWS`` of all reviews and as many of those beyond ASCII, evenly
    spaced; about one in ``REVIEWS_PER_CHECK`` of a small part, at least one.
    """
    sizes = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    short = np.flatnonzero(sizes <= MAX_CHECKED_BYTES)
    beyond_ascii = ~pc.string_is_ascii(texts).to_numpy(zero_copy_only=False)
    odd = short[beyond_ascii[short]]
    return np.unique(np.concatenate([_evenly(short), _evenly(odd)]))


def _evenly(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    n_rows = min(MAX_CHECKED_REVIEWS, -(-len(rows) // REVIEWS_PER_CHECK))
    # The middle of each of n equal runs.
    return rows[(2 * np.arange(n_rows) + 1) * len(rows) // (2 * max(n_rows, 1))]


def differing_reviews(first: Tokens, second: Tokens) -> npt.NDArray[np.int64]:
    """Return the numbers of the reviews whose tokens differ.

    Raises:
        ValueError: another number of reviews.
    """
    if len(first) != len(second):
        raise ValueError(f"of {len(first)} reviews there are tokens of {len(second)}")
    if first.equals(second):
        return np.empty(0, np.int64)
    pairs = enumerate(zip(first, second, strict=True))
    return np.array(
        [
            row
            for row, (mine, theirs) in pairs
            if not all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
        ],
        np.int64,
    )
