"""Hostile texts that every tokenizer is checked on before it is trusted with the fast path.

They hold what is known to break fast tokenizers: C1 controls and U+00A1 (real reviews have them),
final sigma, marks without a letter, joiners, unusual white space, contractions, long words.
"""

from __future__ import annotations

from collections.abc import Iterable

_PLAIN = (
    "The film wasn't good, but I'd see it again: 10/10!",
    "A <br /><br />line break...and  two  spaces   three \t tab\nnew line\r\nend ",
    " leading space",
    "  two leading",
    "trailing  ",
    "don't DON'T can't've 'tis rock 'n' roll '90s it''s 's 'll x'd 1's $'s !'s 'S ' ' '' a' 'a",
    "x1 1x x1y 12.5% $9.99 (a) [b] {c} a-b a_b a/b a\\b c++ ... ?!?! `` '' ``a''",
    "UPPER Lower MiXeD I i II K A.B.C. e.g. U.S.A",
    "supercalifragilisticexpialidociousness " + "ab" * 60 + " " + "x" * 300 + " " + "." * 150,
)
_BLANK = ("", " ", "  ", "\n", "\t a", "a", ".", " .", "\x85", "\xa0", "\u3000 \u2028")
_UNICODE = (
    "caf\xe9 cafe\u0301 CAF\xc9 \xc5ngstr\xf6m A\u030a \u212b \u1e9b\u0323 q\u0307\u0323 \ufb01",
    "\u0391\u03a3 \u0391\u03a3\u0391 \u03c3\u03c2 \u03a3. \u0130stanbul \u0131I \u01c5 \xdf",
    " \u1e9e \u0149",
    "\ufb00 \u2167 \u2460 \u338f \u2126 \u212a \xbd \xb2\xb3 x\xb2 \u0663\u0664",
    " \U0001d7d9\U0001d7da",
    " \u0301mark .\u0301 a\u0301\u0301 \u0301 \u0903x \u20dd 1\u0300 -\u0338= =\u0338 <\u0338",
    " x\u0345",
    "\xa1hola! \xbfqu\xe9? \xabx\xbb \u201cq\u201d \u2018q\u2019 it\u2019s \u2014 a\u2014b \u2026",
    "\x85 a\x85b \x96 \x91x\x92 \x80\x9f word\x85 but. \x97",
    "a\x00b \x01 a\x0bb a\x0cb \x1c\x1d\x1e\x1f \x7f a\x7fb \ufffd a\ufffdb \ufffe \uffff",
    "a\xa0b \xa0 a \xa0b a\xa0 b\u1680c\u2000d \u2003e\u2009 f\u200ag\u2028h\u2029i\u202fj\u205fk",
    "\u3000l \u180e m\u3000 n\u2003 o",
    "a\u200bb\u200cc\u200dd \u200e\u200f \u202ax\u202c \u2066y\u2069 \ufeffz a\xadb \u2060 \u061c",
    "\u4e2d\u6587\u6d4b\u8bd5 a\u4e2db \u4e2d \u56fd \u65e5\u672c\u8a9e \u30ab\u30bf\u30ab\u30ca",
    " \ud55c\uad6d",
    "\u1112\u1161\u11ab \U00020000 \uf900 \uff46\uff55\uff4c\uff4c \uff21\uff22\u3000\uff58",
    " \uff0c\u3002",
    "\U0001f44d \U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 a\U0001f44db",
    "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7 \u2764\ufe0f 1\ufe0f\u20e3",
    " \U0001f3f3\ufe0f\u200d\U0001f308",
    "\u05e9\u05dc\u05d5\u05dd \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0600 1\u0600a \u06dd",
    " b\u0600c d",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0e44\u0e17\u0e22 \u1781\u17d2\u1798\u17c2\u179a",
    " \u0ba4\u0bae\u0bbf\u0bb4\u0bcd",
    "\u2581 \u2581a a\u2581b \u2581\u2581 \u0120 \u0120a \u010a ## ##ing a##b _ __ \ue000",
    " \U0010ffff",
)


def torture_texts(literals: Iterable[str] = ()) -> list[str]:
    """Return the texts, and texts with each of ``literals`` (added tokens) alone and glued."""
    texts = [*_PLAIN, *_BLANK, *_UNICODE]
    texts += [f"{first} {second}" for first, second in zip(_UNICODE, _PLAIN * 3, strict=False)]
    texts += [word for text in (*_PLAIN, *_UNICODE) for word in text.split(" ")]
    texts += [" ".join((*_PLAIN, *_BLANK, *_UNICODE))]
    for literal in literals:
        texts += [literal, f"a {literal} b", f"a{literal}b", f"{literal.swapcase()} x"]
        texts += [f"{literal}{literal}", literal[:-1], f"a  {literal}  b.", f"\xe9{literal}\x01"]
    return texts
