"""Cleaning: HTML out of review texts, and one Unicode form for what looks the same.

What counts as HTML is said by the patterns here, not by a parser: the parsers of Python change
with its releases, and take `<grin>` for a tag. RE2, which Arrow brings, never backtracks.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from html.entities import html5
from typing import Literal
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.reviews.labels import UNLABELLED
from transforms.functional.reviews.reviews import Part, with_column

Normalize = Literal["none", "nfc"]

# Elements that begin and end a line on a page; the tags of all others leave no trace.
_LINES = (
    "address|article|aside|blockquote|body|br|caption|center|dd|details|dialog|dir|div|dl|dt|"
    "fieldset|figcaption|figure|footer|form|h[1-6]|head|header|hgroup|hr|html|legend|li|main|menu|"
    "nav|noscript|ol|optgroup|option|p|pre|search|section|select|summary|table|tbody|td|tfoot|th|"
    "thead|title|tr|ul"
)
_INLINE = (
    "a|abbr|acronym|applet|area|audio|b|base|basefont|bdi|bdo|big|blink|button|canvas|cite|code|"
    "col|colgroup|data|datalist|del|dfn|em|embed|font|frame|frameset|i|iframe|img|input|ins|kbd|"
    "label|link|map|mark|marquee|meta|meter|nobr|noframes|object|output|param|picture|progress|q|"
    "rp|rt|ruby|s|samp|script|slot|small|source|span|strike|strong|style|sub|sup|svg|template|"
    "textarea|time|track|tt|u|var|video|wbr"
)
# A tag ends at the first `>`, so that no text, however hostile, is looked at twice.
_REST = r"(?:[\s/][^<>]*)?>"
# Each by itself: a comment that never ends must not be searched for again after every script.
_TAGS = (
    (r"(?s)<!--.*?-->", ""),
    (rf"(?is)<script{_REST}.*?</script\s*>", ""),
    (rf"(?is)<style{_REST}.*?</style\s*>", ""),
    (r"(?i)<!doctype[^<>]*>", ""),
    (rf"(?i)</?(?:{_LINES}){_REST}", "\n"),
    (rf"(?i)</?(?:{_INLINE}){_REST}", ""),
)
_REFERENCE = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """What is done to each text, in this order.

    Attributes:
        strip_html: Take tags and comments out, and replace character references.
        normalize: The Unicode form, `none` for the text as it is.
        drop_unlabelled: Leave out the reviews whose label is -1.
    """

    strip_html: bool = False
    normalize: Normalize = "none"
    drop_unlabelled: bool = False


def clean_part(part: Part, cleaning: Cleaning) -> Part:
    """Return a part with clean texts, and count those that changed or were left out."""
    if cleaning.drop_unlabelled:
        part = drop_unlabelled(part)
    texts = part.reviews.column("text")
    stripped, normalized = clean_texts(texts, cleaning)
    counts = replace(
        part.cleaning,
        html_stripped=_n_different(texts, stripped),
        normalized=_n_different(stripped, normalized),
    )
    reviews = with_column(part.reviews, "text", normalized)
    return replace(part, reviews=reviews, cleaning=counts)


def clean_texts(
    texts: pa.LargeStringArray, cleaning: Cleaning
) -> tuple[pa.LargeStringArray, pa.LargeStringArray]:
    """Return texts after each of the two steps: without HTML, and in their Unicode form."""
    stripped = strip_html(texts) if cleaning.strip_html else texts
    return stripped, normalize_nfc(stripped) if cleaning.normalize == "nfc" else stripped


def drop_unlabelled(part: Part) -> Part:
    """Return a part without the reviews whose label is -1, and count those."""
    unlabelled = pc.equal(part.reviews.column("label"), UNLABELLED).fill_null(False)
    count = pc.sum(unlabelled).as_py() or 0
    if not count:
        return part
    return replace(
        part,
        reviews=part.reviews.filter(pc.invert(unlabelled)),
        cleaning=replace(part.cleaning, unlabelled=count),
    )


def strip_html(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return texts without HTML; docs/format.md says what that is."""
    for pattern, replacement in _TAGS:
        texts = pc.replace_substring_regex(texts, pattern, replacement)
    referring = pc.match_substring_regex(texts, _REFERENCE)
    return _rewrite(texts, referring, partial(re.sub, _REFERENCE, _character))


def normalize_nfc(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return texts in Unicode's composed form: one code point for `é`, however it was typed."""
    # Not Arrow's utf8_normalize: that of release 25 decomposes for "NFC".
    return _rewrite(texts, pc.invert(pc.string_is_ascii(texts)), partial(normalize, "NFC"))


def _rewrite(
    texts: pa.LargeStringArray, chosen: pa.BooleanArray, function: Callable[[str], str]
) -> pa.LargeStringArray:
    rewritten = [function(text) for text in texts.filter(chosen).to_pylist()]
    return pc.replace_with_mask(texts, chosen, pa.array(rewritten, pa.large_string()))


def _character(reference: re.Match[str]) -> str:
    """Return what a character reference stands for, an unknown name as it is."""
    name = reference[0][1:]
    return html.unescape(reference[0]) if name.startswith("#") else html5.get(name, reference[0])


def _n_different(before: pa.LargeStringArray, after: pa.LargeStringArray) -> int:
    return 0 if after is before else pc.sum(pc.not_equal(before, after)).as_py() or 0
