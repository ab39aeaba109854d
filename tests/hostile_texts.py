"""Random hostile texts: everything that UTF-8 allows and tokenizers trip over."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_WORD_TEXT = (
    "the film was good bad Movie I i a A isn't don't DON'T it's they're 'tis O'Neil rock'n'roll x "
    "unwatchable rewatched 10/10 1998 3.5 $9.99 e.g. U.S. <br /> <br/> http://a.b/c?d=e&f "
    "so-called ``quoted'' ... !!! -- _x_ ##ing Ġx ab12cd x2 2x '' ' `` # @user :) ;-) % & * (a) [b]"
)
WORDS = tuple(_WORD_TEXT.split())
BLANKS = (
    *[" "] * 12,
    *["  ", "   ", "\t", "\n", "\r\n", " \n ", "\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u1680"],
    *["\u2000", "\u2003", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u180e"],
)
ODDITIES = (
    *["\x00", "\x01", "\x07", "\x1b", "\x7f", "\x80", "\x91", "\x96", "\x9f", "\xad", "\ufeff"],
    *["\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202c", "\u2066", "\u2069"],
    *["\ufffd", "\ufffe", "\uffff", "\ue000", "\U0010ffff", "\u061c", "\u2060", "\u034f", "\u0600"],
    *["\u0301", "\u0308", "\u0338", "\u0345", "\u20dd", "\u0903", "\u094d", "\u3099", "\ufe0f"],
    *["\xa1", "\xbf", "\xab", "\u2019", "\u201c", "\u2014", "\u2026", "\xb7", "\u037e", "\u1fef"],
    *["\u03a3", "\u03c2", "\u0130", "\u0131", "\u212a", "\u212b", "\ufb01", "\xbd", "\u2160"],
    *["\u2581", "\u4e2d", "\U00020000", "\uf900", "\u3042", "\uac00", "\u1112\u1161\u11ab"],
    *["\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea"],
    *["caf\xe9", "cafe\u0301", "\xc9COLE", "na\xefve", "\u0444\u0438\u043b\u044c", "\u05e9\u05dc"],
    *["\u2260", "=\u0338", "\u226e", "A\u030a", "\u1e9b\u0323", "\u0132", "\u1e9e", "\uff41"],
)  # fmt: skip
_RANGES = (
    (0x20, 0x7E), (0x20, 0x7E), (0x00, 0xFF), (0x80, 0xA1), (0x100, 0x24F), (0x300, 0x36F),
    (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x6FF), (0x900, 0xDFF), (0x1E00, 0x1FFF),
    (0x2000, 0x206F), (0x2070, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
    (0xE000, 0xFFFF), (0x1D400, 0x1D7FF), (0x1F000, 0x1FAFF), (0x20000, 0x2FA1F), (0, 0x10FFFF),
)  # fmt: skip


def random_text(random: Random, literals: Sequence[str] = ()) -> str:
    """Return one text; ``literals`` (added tokens) stand in some, in any case, whole or glued."""
    parts: list[str] = []
    # Some texts are nearly plain English, some are noise.
    noise = random.choice((0.05, 0.3, 0.8))
    for _ in range(random.choice((0, 1, 2, 3, 5, 8, 13, 30))):
        if random.random() > noise:
            parts.append(random.choice(WORDS))
        else:
            parts.append(_odd_part(random, literals))
        if random.random() < 0.75:
            parts.append(random.choice(BLANKS) if random.random() < noise else " ")
    return "".join(parts)


def random_texts(seed: int, n_texts: int, literals: Sequence[str] = ()) -> list[str]:
    """Return ``n_texts`` texts, the same for the same arguments."""
    random = Random(seed)
    return [random_text(random, literals) for _ in range(n_texts)]


def _odd_part(random: Random, literals: Sequence[str]) -> str:
    kind = random.randrange(8)
    if kind == 0 and literals:
        return _recased(random, random.choice(literals))
    if kind <= 2:
        return random.choice(ODDITIES)
    if kind == 3:
        return random.choice(BLANKS)
    if kind == 4:
        return _recased(random, random.choice(WORDS)) + random.choice(ODDITIES)
    if kind == 5 and random.random() < 0.05:
        return random.choice(("x", "ab", "\xe9", "1", ".", "\u4e2d", "X'")) * random.randrange(400)
    return "".join(_character(random) for _ in range(random.randrange(1, 6)))


def _character(random: Random) -> str:
    code = random.randint(*random.choice(_RANGES))
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


def _recased(random: Random, text: str) -> str:
    return random.choice((text, text, text.lower(), text.upper(), text.swapcase(), text[:-1]))
