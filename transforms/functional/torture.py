"""Hostile texts that every tokenizer is checked on before it is trusted with the fast path.

They hold what is known to break fast tokenizers: C1 controls and U+00A1 (real reviews have them),
final sigma, marks without a letter, joiners, unusual white space, contractions, long words.
"""

from __future__ import annotations

from collections.abc import Iterable

_PLAIN = (
    "The film wasn't good, but I'd see it again: 10/10!",
    "A <br /><br />line break...and  two  spaces   three \t tab\nnew line\r\nend ",
    " leading space", "  two leading", "trailing  ", " ", "  ", "\n", "\t a", "", "a", ".", " .",
    "don't DON'T can't've 'tis rock 'n' roll '90s it''s 's 'll x'd 1's $'s !'s 'S ' ' '' a' 'a",
    "x1 1x x1y 12.5% $9.99 (a) [b] {c} a-b a_b a/b a\\b c++ ... ?!?! `` '' ``a''",
    "UPPER Lower MiXeD I i II K A.B.C. e.g. U.S.A",
    "supercalifragilisticexpialidociousness " + "ab" * 60 + " " + "x" * 300 + " " + "." * 150,
)  # fmt: skip
_UNICODE = (
    "caf\xe9 cafe\u0301 CAF\xc9 \xc5ngstr\xf6m A\u030a \u212b \u1e9b\u0323 q\u0307\u0323 \ufb01 \xbd",
    "ΑΣ ΑΣΑ σς Σ. İstanbul ıI ǅ ß ẞ ŉ ﬀ Ⅷ ① ㎏ \u2126 \u212a",
    " \u0301mark .\u0301 a\u0301\u0301 \u0301 \u0903x \u20dd 1\u0300 -\u0338= =\u0338 <\u0338 x\u0345",
    "\xa1hola! \xbfqu\xe9? \xabx\xbb \u201cq\u201d \u2018q\u2019 it\u2019s \u2014 a\u2014b \u2026 \x85 a\x85b \x96 \x91x\x92",
    "a\x00b \x01 a\x0bb a\x0cb \x1c\x1d\x1e\x1f \x7f a\x7fb \x80\x9f \ufffd a\ufffdb \ufffe \uffff",
    "a\xa0b \xa0 a \xa0b a\xa0 b\u1680c\u2000d \u2003e\u2009 f\u200ag\u2028h\u2029i\u202fj\u205fk\u3000l \u180e m",
    "a\u200bb\u200cc\u200dd \u200e\u200f \u202ax\u202c \u2066y\u2069 \ufeffz a\xadb \u2060 \u061c",
    "中文测试 a中b 中 国 日本語テスト カタカナ 한국어 \u1112\u1161\u11ab 𠀀 豈 ｆｕｌｌ ＡＢ　ｘ ，。",
    "👍 👍🏽 👨‍👩‍👧‍👦 🇩🇪🇫🇷 ❤️ 1️⃣ 🏳️‍🌈 a👍b \U0001f600\U0001f600",
    "שלום עולם العربية \u0600 1\u0600a \u06dd b नमस्ते हिन्दी ไทย ภาษา ខ្មែร தமிழ்",
    "▁ ▁a a▁b ▁▁ Ġ Ġa ġ Ċ ## ##ing a##b _ __ \ue000 \U000e0001 \U0010ffff \U0001d400 𝟙𝟚 ٣٤ ²³ x² ½",
)  # fmt: skip


def torture_texts(literals: Iterable[str] = ()) -> list[str]:
    """Return the texts, and texts with each of ``literals`` (added tokens) alone and glued."""
    texts = [*_PLAIN, *_UNICODE]
    texts += [f"{first} {second}" for first, second in zip(_UNICODE, _PLAIN, strict=False)]
    texts += [word for text in (*_PLAIN, *_UNICODE) for word in text.split(" ")]
    texts += [" ".join((*_PLAIN, *_UNICODE))]
    for literal in literals:
        texts += [literal, f"a {literal} b", f"a{literal}b", f"{literal.swapcase()} x"]
        texts += [f"{literal}{literal}", literal[:-1], f"a  {literal}  b.", f"\xe9{literal}\x01"]
    return texts
