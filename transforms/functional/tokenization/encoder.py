"""A tokenizer.json: its ids, template, added tokens and model, as the tokenizers library reads it.

Nothing else than this file and `text_encoder` imports ``tokenizers``, so that another version of
it, with another interface, changes these two alone.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import tokenizers
import tokenizers.pre_tokenizers

from transforms.functional.errors import TokenizerError
from transforms.functional.tokenization.byte_pairs import BytePairs, byte_pairs_of
from transforms.functional.tokenization.panics import is_panic
from transforms.functional.tokenization.text_encoder import (
    TextEncoder,
    WordPieceEncoder,
    cannot_encode,
)

_TEMPLATE_PROBES = ("a", "the film was good", "1 2")


@dataclass(frozen=True)
class AddedToken:
    """A token that the library finds in the text before the model sees it."""

    id: int
    content: str
    single_word: bool
    lstrip: bool
    rstrip: bool
    normalized: bool
    special: bool


class Encoder(TextEncoder):
    """A tokenizer read from the text of its ``tokenizer.json``.

    Truncation and padding that were saved with it are reset: upstream files carry both.

    Attributes:
        library: the library and its release.
        vocab_size: largest id + 1, added tokens included.
        prefix: ids that the template puts before a review (``[CLS]``).
        suffix: ids that the template puts after a review (``[SEP]``).
        special_ids: ids of the special added tokens, ascending.
        added_tokens: all added tokens, by id.
        config: the library's own JSON of the tokenizer, without the vocabulary and merges.
        byte_pairs: the merges of a BPE model that does nothing else; None for others.
    """

    library = f"tokenizers {tokenizers.__version__}"

    def __init__(self, tokenizer_json: bytes | str) -> None:
        """Read the tokenizer and its template.

        Raises:
            TokenizerError: the JSON is no tokenizer, encodes at random, or its template is not
                prefix + review + suffix.
        """
        super().__init__(_load(tokenizer_json))
        self.config, self.byte_pairs = _config_of(self._tokenizer)
        _refuse_random_models(self.config["model"])
        self.added_tokens = _added_tokens_of(self._tokenizer)
        self.special_ids = tuple(token.id for token in self.added_tokens if token.special)
        self.vocab_size = max(self.vocabulary().values(), default=-1) + 1
        if self.vocab_size == 0:
            raise TokenizerError(
                "the tokenizer has an empty vocabulary; train it, or name another tokenizer.json"
            )
        self.prefix, self.suffix = _template_of(self._tokenizer, self.vocab_size)

    @property
    def normalizer(self) -> dict[str, Any] | None:
        """The normalizer's JSON, None without one."""
        return _dict_or_none(self.config["normalizer"])

    @property
    def pre_tokenizer(self) -> dict[str, Any] | None:
        """The pre-tokenizer's JSON, None without one."""
        return _dict_or_none(self.config["pre_tokenizer"])

    @property
    def model(self) -> dict[str, Any]:
        """The model's JSON without its vocabulary and merges."""
        return dict(self.config["model"])

    def token_to_id(self, token: str) -> int | None:
        """Return the id of ``token``, None when the vocabulary lacks it."""
        return self._tokenizer.token_to_id(token)

    def id_to_token(self, token_id: int) -> str | None:
        """Return the token of ``token_id``, None when the vocabulary lacks it."""
        return self._tokenizer.id_to_token(token_id)

    def token_text(self, token_id: int) -> str:
        """Return a token as people read it: bytes as text, and blanks as blanks."""
        if (self.config["decoder"] or {}).get("type") == "ByteLevel":
            return str(self._tokenizer.decode([token_id], skip_special_tokens=False))
        return (self.id_to_token(token_id) or "").replace("\N{LOWER ONE EIGHTH BLOCK}", " ")

    def text_of(self, token_ids: Sequence[int]) -> str:
        """Return the text of the tokens of one word, special ones as they are called."""
        return str(self._tokenizer.decode(list(token_ids), skip_special_tokens=False))

    def stretches_of(self, token_id: int, texts: list[str]) -> list[str]:
        """Return the stretches of some texts that become one token, however often each comes."""
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            text[start:end]
            for text, encoding in zip(texts, encodings, strict=True)
            for found, (start, end) in zip(encoding.ids, encoding.offsets, strict=True)
            if found == token_id
        ]

    def vocabulary(self) -> dict[str, int]:
        """Return token -> id, added tokens included."""
        return dict(self._tokenizer.get_vocab(with_added_tokens=True))

    def normalize(self, text: str) -> str:
        """Return what the normalizer makes of ``text``."""
        normalizer = self._tokenizer.normalizer
        return text if normalizer is None else str(normalizer.normalize_str(text))

    @property
    def patterns(self) -> tuple[str, ...]:
        """The regular expressions by which the normalizer and the pre-tokenizer search."""
        return tuple(_patterns_in([self.normalizer, self.pre_tokenizer]))

    def why_it_gives_up(self, text: str) -> str:
        """Return why a pattern gives up on ``text``; empty where none does."""
        try:
            normalized = tokenizers.PreTokenizedString(self.normalize(text))
            if self._tokenizer.pre_tokenizer is not None:
                self._tokenizer.pre_tokenizer.pre_tokenize(normalized)
        except BaseException as error:
            if not is_panic(error):
                raise
            return str(error)
        return ""

    def for_pieces(self, *, prefix_space: bool = True) -> TextEncoder:
        """Return this tokenizer for pieces of texts that hold no added token.

        It looks for no added token: a piece that was changed on the way (case, a space in front)
        might look like one where the text did not.

        Args:
            prefix_space: False turns ``add_prefix_space`` of a ByteLevel pre-tokenizer off.
        """
        tokenizer = tokenizers.Tokenizer(self._tokenizer.model)
        if self._tokenizer.normalizer is not None:
            tokenizer.normalizer = self._tokenizer.normalizer
        if not prefix_space:
            tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        elif self._tokenizer.pre_tokenizer is not None:
            tokenizer.pre_tokenizer = self._tokenizer.pre_tokenizer
        return TextEncoder(tokenizer)

    def for_clean_words(self) -> TextEncoder:
        """Return this tokenizer's model for texts of clean words with line breaks between.

        A clean word is one that normalizer and pre-tokenizer leave as it is; whoever calls this
        has to know which words those are.
        """
        tokenizer = tokenizers.Tokenizer(self._tokenizer.model)
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
        continuing_prefix = self.model.get("continuing_subword_prefix")
        if self.model["type"] == "WordPiece" and continuing_prefix:
            return WordPieceEncoder(tokenizer, continuing_prefix)
        return TextEncoder(tokenizer)


@functools.lru_cache(maxsize=1)
def load_encoder(tokenizer_json: bytes) -> Encoder:
    """Return the encoder of a ``tokenizer.json``; the same again while the bytes are the same.

    Raises:
        TokenizerError: see ``Encoder``.
    """
    return Encoder(tokenizer_json)


def _load(tokenizer_json: bytes | str) -> tokenizers.Tokenizer:
    data = tokenizer_json.encode() if isinstance(tokenizer_json, str) else bytes(tokenizer_json)
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(data)
    except Exception as error:  # The library raises bare Exception for some documents.
        raise TokenizerError(
            f"no tokenizer can be read from the {len(data)} bytes given ({error}); name the "
            "tokenizer.json of a fast tokenizer that tokenizers "
            f"{tokenizers.__version__} can load"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _config_of(tokenizer: tokenizers.Tokenizer) -> tuple[dict[str, Any], BytePairs | None]:
    document: dict[str, Any] = json.loads(tokenizer.to_str())
    model = {
        name: value for name, value in document["model"].items() if name not in ("vocab", "merges")
    }
    return {**document, "model": model}, byte_pairs_of(document["model"])


def _refuse_random_models(model: dict[str, Any]) -> None:
    for name in ("dropout", "alpha", "nbest_size"):
        if model.get(name):
            raise TokenizerError(
                f"the tokenizer's model has {name}={model[name]}, which encodes the same text "
                f"differently each time; set {name} to null in tokenizer.json"
            )


def _added_tokens_of(tokenizer: tokenizers.Tokenizer) -> tuple[AddedToken, ...]:
    return tuple(
        AddedToken(
            token_id,
            token.content,
            token.single_word,
            token.lstrip,
            token.rstrip,
            token.normalized,
            token.special,
        )
        for token_id, token in sorted(tokenizer.get_added_tokens_decoder().items())
    )


def _template_of(
    tokenizer: tokenizers.Tokenizer, vocab_size: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Find the template's prefix and suffix by encoding with and without it.

    Takes the template off the tokenizer: without it the library has less to do for each text.
    """
    # Tokens of the vocabulary as well: a small one may know no word of the probes.
    tokens = [tokenizer.id_to_token(token_id) for token_id in range(min(vocab_size, 64))]
    texts = [*_TEMPLATE_PROBES, *(token for token in tokens if token)]
    specials = tokenizer.encode("").ids
    try:
        wrapped = [tokenizer.encode(text).ids for text in texts]
    except Exception as error:  # The library raises bare Exception.
        raise cannot_encode(error) from error
    tokenizer.post_processor = None
    splits = set(range(len(specials) + 1))
    for text, full in zip(texts, wrapped, strict=True):
        bare = tokenizer.encode(text).ids
        if bare:
            splits &= {n for n in splits if [*specials[:n], *bare, *specials[n:]] == full}
        if not splits:
            raise TokenizerError(
                f"the tokenizer's template makes {full} of {text!r}, which is not prefix + "
                f"{bare} + suffix; use a tokenizer whose post_processor wraps a single sequence "
                "(TemplateProcessing with one $A)"
            )
    return tuple(specials[: min(splits)]), tuple(specials[min(splits) :])


def _patterns_in(component: Any) -> Iterator[str]:
    """Yield the values of all keys `Regex` of a component and its steps."""
    if isinstance(component, dict):
        if isinstance(component.get("Regex"), str):
            yield component["Regex"]
        component = [*component.values()]
    if isinstance(component, list):
        for step in component:
            yield from _patterns_in(step)


def _dict_or_none(value: Any) -> dict[str, Any] | None:
    return None if value is None else dict(value)
