"""Which token is padding, which the mask: what `tokenizer.json` does not say.

Hugging Face keeps the roles in `tokenizer_config.json` and `special_tokens_map.json`. For a
`tokenizer.json` alone they follow from its saved padding and from the names that everybody uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")

_USUAL_NAMES = {
    "[UNK]": "unk",
    "<unk>": "unk",
    "[SEP]": "sep",
    "[PAD]": "pad",
    "<pad>": "pad",
    "[CLS]": "cls",
    "[MASK]": "mask",
    "<mask>": "mask",
    "<s>": "bos",
    "</s>": "eos",
}

# Classes that know nothing but what the files say (without "Fast").
GENERIC_CLASSES = ("", "PreTrainedTokenizer", "TokenizersBackend")


@dataclass(frozen=True, kw_only=True)
class SpecialTokens:
    """The roles of special tokens, and the sides for padding and truncation.

    Attributes:
        roles: The token of each role that the tokenizer has (`pad`: `[PAD]`).
        padding_side: Where padding goes.
        truncation_side: Which end of a long text is cut off.
    """

    roles: Mapping[str, str]
    padding_side: Literal["left", "right"] = "right"
    truncation_side: Literal["left", "right"] = "right"


def special_tokens_of(
    tokenizer: Mapping[str, Any],
    config: Mapping[str, Any] | None,
    special_tokens_map: Mapping[str, Any] | None,
) -> SpecialTokens:
    """Return the roles of special tokens.

    Args:
        tokenizer: Content of `tokenizer.json`.
        config: Content of `tokenizer_config.json`, None where there is none.
        special_tokens_map: Content of `special_tokens_map.json`, None where there is none.
    """
    roles: dict[str, str] = {}
    for declared in (special_tokens_map or {}, config or {}):
        for role in ROLES:
            token = declared.get(f"{role}_token")
            content = token.get("content") if isinstance(token, Mapping) else token
            if isinstance(content, str):
                roles[role] = content
    config = config or {}
    # Old folders leave the names to the class: `BertTokenizer` alone means `[PAD]` and `[MASK]`.
    if not roles or class_of(config) not in GENERIC_CLASSES:
        roles = {**_usual_roles(tokenizer), **roles}
    padding, truncation = tokenizer.get("padding") or {}, tokenizer.get("truncation") or {}
    return SpecialTokens(
        roles=roles,
        padding_side=_side(config.get("padding_side"), padding.get("direction")),
        truncation_side=_side(config.get("truncation_side"), truncation.get("direction")),
    )


def class_of(config: Mapping[str, Any]) -> str:
    """Return the name of the tokenizer's class, empty where the config does not say."""
    return str(config.get("tokenizer_class") or "").removesuffix("Fast")


def _side(configured: Any, saved: Any) -> Literal["left", "right"]:
    return "left" if str(configured or saved).lower() == "left" else "right"


def _usual_roles(tokenizer: Mapping[str, Any]) -> dict[str, str]:
    added = [token["content"] for token in tokenizer.get("added_tokens") or ()]
    roles = {_USUAL_NAMES[name]: name for name in added if name in _USUAL_NAMES}
    padding = tokenizer.get("padding")
    if padding:
        roles["pad"] = padding["pad_token"]
    return roles
