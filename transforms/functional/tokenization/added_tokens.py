"""Which reviews may hold the literal text of an added token (``[MASK]``, ``<|endoftext|>``).

The library finds added tokens in the whole text, before words are cut, and their options
(``lstrip``, ``rstrip``, ``single_word``) look across words. A review that may hold one is encoded
by the library alone. To say "may" of too many costs time; of too few, exactness.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.tokenization.encoder import AddedToken, Encoder
from transforms.functional.tokenization.tokens import BoolArray

# BertNormalizer leaves other characters than these alone, but for case and kind of white space.
_ODD_CHARACTER = r"[^\t\n\r -~]"


class LiteralFinder:
    """Finds the reviews that may hold an added token of one tokenizer.

    Attributes:
        refusal: why some token of this tokenizer cannot be looked for; empty when all can. With
            a refusal, ``find`` must not be used.
    """

    def __init__(self, encoder: Encoder) -> None:
        """Prepare the expressions; ``refusal`` says what is not supported."""
        self._encoder = encoder
        # Tokens with normalized=true are sought, normalized, in the normalized text.
        folding = encoder.normalizer is not None
        normalized = [t for t in encoder.added_tokens if t.normalized and folding]
        verbatim = [t for t in encoder.added_tokens if not (t.normalized and folding)]
        self._verbatim = "|".join(_escape(token.content) for token in verbatim)
        self._contents = [encoder.normalize(token.content) for token in normalized]
        self._folded = "|".join(_escape_folded(content) for content in self._contents)
        self.refusal = self._refusal(normalized)

    def find(self, texts: pa.LargeStringArray) -> BoolArray:
        """Return (n_texts,) bool, True for each text that may hold an added token."""
        found = np.zeros(len(texts), np.bool_)
        if self._verbatim:
            found |= _matches(texts, self._verbatim)
        if self._folded:
            odd = _matches(texts, _ODD_CHARACTER)
            found |= ~odd & _matches(texts, self._folded, ignore_case=True)
            # Other texts may hold a form of the token that only the normalizer knows (an accent,
            # a control inside): ask it.
            for row in np.flatnonzero(odd & ~found).tolist():
                text = self._encoder.normalize(texts[row].as_py())
                found[row] = any(content in text for content in self._contents)
        return found

    def _refusal(self, normalized: list[AddedToken]) -> str:
        kind = (self._encoder.normalizer or {}).get("type")
        for token, content in zip(normalized, self._contents, strict=True):
            if kind != "BertNormalizer" or not content:
                return (
                    f"the added token {token.content!r} is matched in text normalized by {kind}; "
                    "add it with normalized=false for the fast path"
                )
        try:
            self.find(pa.array(["a"], pa.large_string()))
        except pa.ArrowInvalid as error:
            return f"the added tokens make no expression ({error})"
        return ""


def _matches(texts: pa.LargeStringArray, pattern: str, *, ignore_case: bool = False) -> BoolArray:
    matches = pc.match_substring_regex(texts, pattern, ignore_case=ignore_case)
    found: BoolArray = matches.to_numpy(zero_copy_only=False)
    return found


def _escape(content: str) -> str:
    r"""Return the RE2 expression of a literal: ASCII but letters and digits as ``\x{5B}``."""
    return "".join(
        character if character.isalnum() or ord(character) > 127 else f"\\x{{{ord(character):X}}}"
        for character in content
    )


def _escape_folded(content: str) -> str:
    """Return the expression of what plain text becomes ``content`` when normalized."""
    return r"[\t\n\r ]".join(_escape(part) for part in content.split(" "))
