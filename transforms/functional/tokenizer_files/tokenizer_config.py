"""What the files beside `tokenizer.json` change in it, where no library can be asked.

In folders that `save_pretrained` wrote, the files agree and nothing changes. In others they may
not: somebody named a `pad_token` by hand, or switched `do_lower_case` off. AutoTokenizer adds the
special tokens that the other files name and `tokenizer.json` lacks, and so does `apply_config`.
Whether an option overrides `tokenizer.json` depends on the class: without the library that knows
the classes, files that contradict each other are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transforms.functional.errors import TokenizerError
from transforms.functional.tokenizer_files.special_tokens import (
    GENERIC_CLASSES,
    ROLES,
    SpecialTokens,
    class_of,
    special_tokens_of,
)

# Options of a config, and what they are called in the step of tokenizer.json that they describe.
_BERT_OPTIONS = {
    "do_lower_case": "lowercase",
    "tokenize_chinese_chars": "handle_chinese_chars",
    "strip_accents": "strip_accents",
}
_LISTS_OF_TOKENS = (
    "additional_special_tokens",
    "extra_special_tokens",
    "model_specific_special_tokens",
)
_BYTE_LEVEL_OPTIONS = {"add_prefix_space": "add_prefix_space"}


@dataclass(frozen=True, kw_only=True)
class FolderFiles:
    """The JSON files of a tokenizer's folder, empty where there is none.

    Attributes:
        tokenizer: `tokenizer.json`.
        config: `tokenizer_config.json`.
        special_tokens_map: `special_tokens_map.json`.
        added_tokens: `added_tokens.json`: ids by token.
        model_config: `config.json`, the model's.
    """

    tokenizer: Mapping[str, Any]
    config: Mapping[str, Any]
    special_tokens_map: Mapping[str, Any]
    added_tokens: Mapping[str, Any]
    model_config: Mapping[str, Any]

    @classmethod
    def parse(cls, name: str, files: Mapping[str, bytes]) -> FolderFiles:
        """Parse the files that are there.

        Raises:
            TokenizerError: one is no JSON object, or asks for what is not supported.
        """
        said = cls(
            tokenizer=_parse(name, "tokenizer.json", files),
            config=_parse(name, "tokenizer_config.json", files),
            special_tokens_map=_parse(name, "special_tokens_map.json", files),
            added_tokens=_parse(name, "added_tokens.json", files),
            model_config=_parse(name, "config.json", files),
        )
        if said.config.get("split_special_tokens"):
            raise TokenizerError(
                "tokenizer_config.json sets split_special_tokens, which is not supported: remove "
                "it, or set it to false"
            )
        return said

    @property
    def special_tokens(self) -> SpecialTokens:
        """The roles of special tokens."""
        return special_tokens_of(self.tokenizer, self.config, self.special_tokens_map)

    @property
    def tokenizer_class(self) -> str:
        """The class (or the type of model) that the files name; empty for a generic one."""
        named = class_of(self.config) or class_of(self.model_config)
        named = named or str(self.model_config.get("model_type") or "")
        return "" if named in GENERIC_CLASSES else named


def apply_config(said: FolderFiles) -> dict[str, Any]:
    """Return the content of `tokenizer.json` with the tokens that the other files add.

    Raises:
        TokenizerError: an option contradicts `tokenizer.json`, and the class decides which counts.
    """
    if said.tokenizer_class:
        for step, kind, options in (
            ("normalizer", "BertNormalizer", _BERT_OPTIONS),
            ("pre_tokenizer", "ByteLevel", _BYTE_LEVEL_OPTIONS),
        ):
            content = said.tokenizer.get(step) or {}
            if content.get("type") == kind:
                _check_agree(said, content, options)
    return _with_tokens(dict(said.tokenizer), _declared_tokens(said))


def has_usual_steps(said: FolderFiles) -> bool:
    """Return True for the steps with which classes of BERT's and GPT-2's kinds are made.

    What a class rebuilds of such a vocabulary has these steps again, in all but a few: training
    finds those out, since it compares ids.
    """
    steps = [said.tokenizer.get(step) or {} for step in ("model", "normalizer", "pre_tokenizer")]
    kinds = tuple(step.get("type") for step in steps)
    if kinds == ("WordPiece", "BertNormalizer", "BertPreTokenizer"):
        return steps[0].get("continuing_subword_prefix") == "##"
    return kinds == ("BPE", None, "ByteLevel") and steps[2].get("use_regex") is not False


def _check_agree(said: FolderFiles, step: Mapping[str, Any], options: Mapping[str, str]) -> None:
    for option, called in options.items():
        if option in said.config and said.config[option] != step.get(called):
            raise TokenizerError(
                f"tokenizer_config.json says {option} {json.dumps(said.config[option])}, "
                f"tokenizer.json {called} {json.dumps(step.get(called))}: install transformers, "
                f"which knows what a {said.tokenizer_class} does, or make the files agree"
            )


def _parse(name: str, file: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    if file not in files:
        return {}
    try:
        content = json.loads(files[file])
    except ValueError as error:
        raise TokenizerError(f"{name}: {file} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise TokenizerError(f"{name}: {file} holds no JSON object")
    return content


def _declared_tokens(said: FolderFiles) -> Iterator[dict[str, Any]]:
    """Yield the tokens that the files name, in the order in which they get their ids."""
    config, special_tokens_map = said.config, said.special_tokens_map
    decoder = config.get("added_tokens_decoder") or {}
    for _, token in sorted(decoder.items(), key=lambda item: int(item[0])):
        yield _added_token(token, special=bool(token.get("special")))
    for content, _ in sorted(said.added_tokens.items(), key=lambda item: int(item[1])):
        yield _added_token({"content": content}, special=False)
    for role in ROLES:
        for declared in (config, special_tokens_map):
            yield from _special(declared.get(f"{role}_token"))
    for key, token in config.items():
        if key.endswith("_token") and key.removesuffix("_token") not in ROLES:
            yield from _special(token)
    for declared in (config, special_tokens_map):
        for key in _LISTS_OF_TOKENS:
            extra = declared.get(key) or ()
            for token in extra.values() if isinstance(extra, Mapping) else extra:
                yield from _special(token)


def _special(token: Any) -> Iterator[dict[str, Any]]:
    if isinstance(token, str):
        token = {"content": token}
    if isinstance(token, Mapping) and isinstance(token.get("content"), str):
        yield _added_token(token, special=True)


def _added_token(token: Mapping[str, Any], *, special: bool) -> dict[str, Any]:
    return {
        "content": token["content"],
        "single_word": bool(token.get("single_word", False)),
        "lstrip": bool(token.get("lstrip", False)),
        "rstrip": bool(token.get("rstrip", False)),
        "normalized": bool(token.get("normalized", not special)),
        "special": special,
    }


def _with_tokens(tokenizer: dict[str, Any], tokens: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Add the tokens that are missing; their ids are those that the library would give them."""
    added = {token["content"]: token for token in tokenizer.get("added_tokens") or ()}
    missing = {
        token["content"]: token
        for token in tokens
        if token["content"] and token["content"] not in added
    }
    if not missing:
        return tokenizer
    vocabulary = tokenizer["model"]["vocab"]
    if not isinstance(vocabulary, Mapping):  # Unigram: [[piece, score], ...].
        vocabulary = {piece: number for number, (piece, _) in enumerate(vocabulary)}
    for content, token in missing.items():
        after = 1 + max((other["id"] for other in added.values()), default=-1)
        number = vocabulary.get(content, max(after, len(vocabulary)))
        added[content] = {"id": number, **token}
    in_order = sorted(added.values(), key=lambda token: int(token["id"]))
    return {**tokenizer, "added_tokens": in_order}
