"""Where a text may be cut so that its pieces, encoded one by one, give the same tokens.

A cut is safe when the tokenizer's own pre-tokenizer surely ends a word there, and when neither
normalizer nor pre-tokenizer looks across it. ``cut_rules_of`` knows three families and says why
for each; whatever it does not recognise in a tokenizer gets no rules, which means the plain path.

UTF-8 keeps ASCII bytes to ASCII characters, so a boundary beside an ASCII byte is always a
boundary between characters. The start and the end of a review are cuts of their own.
"""

from __future__ import annotations

import string
from typing import Any

from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.pieces.cut_tables import (
    CutRules,
    byte_classes,
    byte_flags,
    pair_flags,
)

_LETTERS = string.ascii_letters.encode()
_DIGITS = string.digits.encode()
_PUNCTUATION = string.punctuation.encode()
_PRINTABLE = _LETTERS + _DIGITS + _PUNCTUATION
_MARKER = "▁"

_MODEL_KEYS = {
    "WordPiece": {"unk_token", "continuing_subword_prefix", "max_input_chars_per_word"},
    "WordLevel": {"unk_token"},
    "Unigram": {"unk_id", "byte_fallback"},
    "BPE": {
        "dropout",
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "fuse_unk",
        "byte_fallback",
        "ignore_merges",
    },
}
_CONFIG_KEYS = {
    "version",
    "truncation",
    "padding",
    "added_tokens",
    "normalizer",
    "pre_tokenizer",
    "post_processor",
    "decoder",
    "model",
}


class _NotSafeError(Exception):
    """No safe cuts are known; the message says for what."""


def cut_rules_of(encoder: Encoder) -> tuple[CutRules | None, str]:
    """Return the cut rules of a tokenizer, or None, and the reason in words."""
    try:
        _expect_keys("tokenizer.json", encoder.config, _CONFIG_KEYS)
        _check_model(encoder.model)
        pre_tokenizer = encoder.pre_tokenizer or {"type": "none"}
        kind = str(pre_tokenizer.get("type"))
        if kind == "BertPreTokenizer":
            return _bert_rules(encoder, pre_tokenizer), "BertPreTokenizer"
        if kind == "ByteLevel":
            return _byte_level_rules(encoder, pre_tokenizer), "ByteLevel"
        if kind in ("Metaspace", "Sequence"):
            return _metaspace_rules(encoder, pre_tokenizer), "Metaspace"
        raise _NotSafeError(f"no safe cuts are known for the pre-tokenizer {kind}")
    except _NotSafeError as error:
        return None, str(error)


def _bert_rules(encoder: Encoder, pre_tokenizer: dict[str, Any]) -> CutRules:
    """Cut before white space and around punctuation, ASCII ones.

    BertPreTokenizer drops white space and isolates punctuation, one character at a time.
    BertNormalizer works on single characters as well: it removes controls (so U+000B is no white
    space here), spaces out CJK, lower-cases without looking around (no final sigma). Only NFD
    looks at neighbours, to sort combining marks, and never past an ASCII character.
    """
    _expect_keys("BertPreTokenizer", pre_tokenizer, {"type"})
    normalizer = encoder.normalizer
    lowercase = False
    if normalizer is not None:
        if normalizer.get("type") != "BertNormalizer":
            raise _NotSafeError(
                f"no safe cuts are known for {normalizer.get('type')} before BertPreTokenizer"
            )
        options = {"clean_text", "handle_chinese_chars", "strip_accents", "lowercase"}
        _expect_keys("BertNormalizer", normalizer, {"type", *options})
        for name in options:
            _expect(f"BertNormalizer.{name}", normalizer.get(name), (True, False, None))
        lowercase = bool(normalizer["lowercase"])
    other, space, punctuation = 0, 1, 2
    pairs = [(punctuation, after) for after in (other, space, punctuation)]
    pairs += [(other, space), (other, punctuation)]
    return CutRules(
        byte_class=byte_classes({space: b" \t\n\r", punctuation: _PUNCTUATION}),
        pair_cut=pair_flags(pairs),
        # The normalizer lower-cases ASCII wherever it stands, and nothing before that step
        # (NFD, removal of accents) treats a lower-case letter in another way.
        lower=lowercase,
        clean=byte_flags(_LETTERS + _DIGITS),
    )


def _byte_level_rules(encoder: Encoder, pre_tokenizer: dict[str, Any]) -> CutRules:
    r"""Cut before a space after no white space, and between letters, digits and punctuation.

    The expression of GPT-2 is
    ``'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+``. Its matches
    cover the text and it never looks behind. A match that holds a character other than white
    space can have one before only as its first character, so white space after another character
    starts a match. A match with a letter ends in letters; likewise digits; one with punctuation
    holds nothing else, but for an apostrophe before a letter: no cut there.
    """
    options = {"add_prefix_space", "trim_offsets", "use_regex"}
    _expect_keys("ByteLevel", pre_tokenizer, {"type", *options})
    _expect("ByteLevel.use_regex", pre_tokenizer.get("use_regex"), (True,))
    _expect("ByteLevel.add_prefix_space", pre_tokenizer.get("add_prefix_space"), (True, False))
    if encoder.normalizer is not None:
        raise _NotSafeError(
            f"no safe cuts are known for {encoder.normalizer.get('type')} before ByteLevel"
        )
    letter, digit, space, apostrophe, mark, high = 1, 2, 3, 4, 5, 6
    marks = _PUNCTUATION.replace(b"'", b"")
    # Bytes that end a character beyond ASCII, but for those that can end white space (U+0085,
    # U+00A0, U+1680, U+180E, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000).
    blank_ends = {*range(0x80, 0x8B), 0x8E, 0x9F, 0xA0, 0xA8, 0xA9, 0xAF}
    pairs = [(before, space) for before in (letter, digit, apostrophe, mark, high)]
    pairs += [(letter, digit), (letter, mark), (letter, apostrophe)]
    pairs += [(digit, letter), (digit, mark), (digit, apostrophe), (mark, letter), (mark, digit)]
    return CutRules(
        byte_class=byte_classes(
            {
                letter: _LETTERS,
                digit: _DIGITS,
                space: b" ",
                apostrophe: b"'",
                mark: marks,
                high: bytes(b for b in range(0x80, 0x100) if b not in blank_ends),
            }
        ),
        pair_cut=pair_flags(pairs),
        prefix=" " if pre_tokenizer["add_prefix_space"] else "",
        # Cuts part letters, digits and marks, so a piece of these bytes is one word.
        clean=byte_flags(_LETTERS + _DIGITS + marks),
        clean_marker="Ġ",
    )


def _metaspace_rules(encoder: Encoder, pre_tokenizer: dict[str, Any]) -> CutRules:
    """Cut before a single space between ASCII characters, two before it and one after.

    Metaspace makes each space a marker that starts a word (or WhitespaceSplit ends a word there).
    A piece after the cut starts with the space, so it gets no marker of its own. The two
    characters before and the one after keep the normalizers apart: a grapheme cluster
    (Precompiled) or a composition (NFC, NFKC) never joins two of them or the space, and a
    replaced run of spaces is never cut.
    """
    steps = _normalizer_steps(encoder.normalizer)
    lowercase = any(step["type"] == "Lowercase" for step in steps)
    plain = _untouched_bytes(encoder, steps, lowercase)
    marker = _metaspace_marker(pre_tokenizer)
    tail, space = 1, 2
    return CutRules(
        byte_class=byte_classes({tail: plain, space: b" "}),
        pair_cut=pair_flags([(tail, space)]),
        far_before=byte_flags(plain + b" "),
        far_after=byte_flags(plain),
        clean=byte_flags(bytes(b for b in _LETTERS + _DIGITS if b in plain)),
        clean_marker=marker,
        clean_spaced=True,
        clean_lower=lowercase,
    )


def _metaspace_marker(pre_tokenizer: dict[str, Any]) -> str:
    """Check the pre-tokenizer; return what stands before a word that follows a space."""
    steps = [pre_tokenizer]
    if pre_tokenizer["type"] == "Sequence":
        _expect_keys("Sequence", pre_tokenizer, {"type", "pretokenizers"})
        steps = pre_tokenizer["pretokenizers"]
    kinds = [str(step.get("type")) for step in steps]
    if kinds not in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]):
        raise _NotSafeError(f"no safe cuts are known for the pre-tokenizers {', '.join(kinds)}")
    metaspace = steps[-1]
    _expect_keys("Metaspace", metaspace, {"type", "replacement", "prepend_scheme", "split"})
    _expect("Metaspace.replacement", metaspace.get("replacement"), (_MARKER,))
    scheme = metaspace.get("prepend_scheme")
    _expect("Metaspace.prepend_scheme", scheme, ("always", "first", "never"))
    if len(steps) == 1:
        _expect("Metaspace.split", metaspace.get("split"), (True,))
        return _MARKER
    _expect_keys("WhitespaceSplit", steps[0], {"type"})
    _expect("Metaspace.split", metaspace.get("split"), (True, False))
    # WhitespaceSplit took the space away; "first" is the review's first word only.
    return _MARKER if scheme == "always" else ""


def _normalizer_steps(normalizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    if normalizer is None:
        return []
    if normalizer.get("type") == "Sequence":
        _expect_keys("Sequence", normalizer, {"type", "normalizers"})
        return [s for step in normalizer["normalizers"] for s in _normalizer_steps(step)]
    kind = normalizer.get("type")
    if kind in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"):
        _expect_keys(str(kind), normalizer, {"type"})
    elif kind == "Precompiled":
        _expect_keys("Precompiled", normalizer, {"type", "precompiled_charsmap"})
    elif kind == "Strip":
        _expect_keys("Strip", normalizer, {"type", "strip_left", "strip_right"})
        _expect("Strip.strip_left", normalizer.get("strip_left"), (False,))
    elif kind == "Replace":
        _check_replace(normalizer)
    else:
        raise _NotSafeError(f"no safe cuts are known for {kind} before Metaspace")
    return [normalizer]


def _check_replace(step: dict[str, Any]) -> None:
    _expect_keys("Replace", step, {"type", "pattern", "content"})
    pattern = step["pattern"]
    if set(pattern) == {"Regex"}:
        _expect("Replace.pattern", pattern["Regex"], (" {2,}",))
        _expect("Replace.content", step["content"], (" ", _MARKER))
    elif set(pattern) != {"String"} or not pattern["String"] or " " in pattern["String"]:
        raise _NotSafeError(f"no safe cuts are known for Replace of {pattern}")


def _untouched_bytes(encoder: Encoder, steps: list[dict[str, Any]], lowercase: bool) -> bytes:
    """Return the printable ASCII bytes that the normalizer leaves alone, but for their case."""
    if encoder.normalize("x x") != "x x":
        raise _NotSafeError("the normalizer changes single spaces or plain letters")
    replaced = "".join(s["pattern"].get("String", "") for s in steps if s["type"] == "Replace")
    return bytes(
        byte
        for byte in _PRINTABLE
        if byte not in replaced.encode()
        and encoder.normalize(f"x{chr(byte)}x") == f"x{_case(chr(byte), lowercase)}x"
    )


def _case(character: str, lowercase: bool) -> str:
    return character.lower() if lowercase else character


def _check_model(model: dict[str, Any]) -> None:
    kind = str(model.get("type"))
    if kind not in _MODEL_KEYS:
        raise _NotSafeError(f"no safe cuts are known for the model {kind}")
    _expect_keys(kind, model, {"type", *_MODEL_KEYS[kind]})


def _expect_keys(name: str, component: dict[str, Any], keys: set[str]) -> None:
    unknown = sorted(set(component) - keys)
    if unknown:
        raise _NotSafeError(f"{name} has settings that are not known: {', '.join(unknown)}")


def _expect(name: str, value: object, allowed: tuple[object, ...]) -> None:
    # No plain ==: JSON's 1 is not true.
    if not any(type(value) is type(known) and value == known for known in allowed):
        raise _NotSafeError(f"no safe cuts are known for {name}={value!r}")
