"""What `tokenizer_config.json` changes in `tokenizer.json`, as Hugging Face's AutoTokenizer does.

In folders that `save_pretrained` wrote, both files agree and nothing changes. In others they may
not: somebody named a `pad_token` by hand, or switched `do_lower_case` off. AutoTokenizer
(transformers 5) then

- adds the special tokens that the config names and `tokenizer.json` lacks;
- takes the options of some classes' normalizer or pre-tokenizer from the config, or from the
  class's defaults, whatever `tokenizer.json` says.

The result is the `tokenizer.json` that the job works with and puts beside the shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from transforms.functional.errors import TokenizerError
from transforms.functional.tokenizer_files.special_tokens import ROLES, class_of

# Classes that make their BertNormalizer from the config's options.
_BERT_CLASSES = frozenset(
    f"{name}Tokenizer"
    for name in (
        *("Bert", "DistilBert", "Electra", "Funnel", "LayoutLM", "LayoutLMv2", "Lxmert"),
        *("MobileBert", "MPNet", "Splinter", "SqueezeBert"),
    )
)
# Classes that make their ByteLevel from the config's `add_prefix_space`, and its default.
_BYTE_LEVEL_CLASSES = {
    f"{name}Tokenizer": name in ("Blenderbot", "LayoutLMv3")
    for name in (
        *("Bart", "Blenderbot", "CodeGen", "Deberta", "GPT2", "GPTNeoX", "LED", "LayoutLMv3"),
        *("Longformer", "Luke", "Mvp", "Roberta", "Whisper"),
    )
}


def apply_config(
    tokenizer: Mapping[str, Any],
    config: Mapping[str, Any] | None,
    special_tokens_map: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the content of `tokenizer.json` that AutoTokenizer would work with.

    Args:
        tokenizer: Content of `tokenizer.json`.
        config: Content of `tokenizer_config.json`, None where there is none.
        special_tokens_map: Content of `special_tokens_map.json`, None where there is none.

    Raises:
        TokenizerError: the config asks for what `tokenizer.json` cannot express.
    """
    config, special_tokens_map = config or {}, special_tokens_map or {}
    if config.get("split_special_tokens"):
        raise TokenizerError(
            "tokenizer_config.json sets split_special_tokens, which is not supported: remove it, "
            "or set it to false"
        )
    changed = dict(tokenizer)
    normalizer = tokenizer.get("normalizer") or {}
    pre_tokenizer = tokenizer.get("pre_tokenizer") or {}
    name = class_of(config)
    if name in _BERT_CLASSES and normalizer.get("type") == "BertNormalizer":
        changed["normalizer"] = {
            **normalizer,
            "lowercase": config.get("do_lower_case", True),
            "handle_chinese_chars": config.get("tokenize_chinese_chars", True),
            "strip_accents": config.get("strip_accents"),
        }
    if name in _BYTE_LEVEL_CLASSES and pre_tokenizer.get("type") == "ByteLevel":
        prefix = config.get("add_prefix_space", _BYTE_LEVEL_CLASSES[name])
        changed["pre_tokenizer"] = {**pre_tokenizer, "add_prefix_space": prefix}
    return _with_tokens(changed, _declared_tokens(config, special_tokens_map))


def _declared_tokens(
    config: Mapping[str, Any], special_tokens_map: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the tokens that the files name, in the order in which they get their ids."""
    decoder = config.get("added_tokens_decoder") or {}
    for _, token in sorted(decoder.items(), key=lambda item: int(item[0])):
        yield _added_token(token, special=bool(token.get("special")))
    for role in ROLES:
        for declared in (config, special_tokens_map):
            yield from _special(declared.get(f"{role}_token"))
    for key, token in config.items():
        if key.endswith("_token") and key.removesuffix("_token") not in ROLES:
            yield from _special(token)
    for declared in (config, special_tokens_map):
        for key in ("additional_special_tokens", "extra_special_tokens"):
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
