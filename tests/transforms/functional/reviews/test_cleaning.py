from unicodedata import normalize

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from transforms.functional.ledger import ReviewCounts
from transforms.functional.reviews.cleaning import Cleaning, clean_part, normalize_nfc, strip_html
from transforms.functional.reviews.reviews import Part, PartKey, make_reviews


def strings(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def stripped(text: str) -> str:
    (result,) = strip_html(strings(text)).to_pylist()
    return result


def part_of(*texts: str) -> Part:
    n = len(texts)
    reviews = make_reviews(
        strings(*texts), pa.array(range(n)), np.zeros(n, np.uint32), np.arange(n, dtype=np.uint64)
    )
    return Part(key=PartKey(split=4, part=2), last=True, reviews=reviews)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good.<br /><br />Bad.", "Good.\n\nBad."),
        ("one<BR>two<br/>three</br>four<br\n/>five", "one\ntwo\nthree\nfour\nfive"),
        ("<p class='a'>One</p><ul><li>Two</li></ul>", "\nOne\n\n\nTwo\n\n"),
        ("an <i>aw</i>ful <a href='x' title=y>film</a>", "an awful film"),
        ("a<!-- <b>not</b> --\n - > seen -->b", "ab"),
        ("a<script>if (1 < 2) {}\n</SCRIPT >b<style x>p {}</style>c", "abc"),
        ("<!DOCTYPE html><html><body>x</body></html>", "\n\nx\n\n"),
        ("<h1>A</h1><hr><table><tr><td>1</td></tr></table>", "\nA\n\n\n\n\n1\n\n\n"),
    ],
)
def test_tags_go_and_words_do_not_glue(text: str, expected: str) -> None:
    assert stripped(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a < b and c > d",
        "I <3 it, it gets </3 from you, <=8 of 10",
        "<grin> <SPOILER> <--Minor spoilers--> <:-D < Cough >",
        "<http://www.example.org> <sp?) <bra> <i.e.> <br",
        "<!-- never closed, <br",
        "fish & chips, AT&T, R&D; &copy 2001 ?a=1&lt=2 &notaname; &; &#; &#x; &#12345678;",
        "\x00 \ufffe ",
    ],
)
def test_what_is_no_html_stays(text: str) -> None:
    assert stripped(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fish &amp; chips &lt;3 &quot;x&quot; &nbsp;", 'fish & chips <3 "x" \xa0'),
        ("&eacute;&#233;&#xE9;&#XE9;", "éééé"),
        ("&#150;&#0;&#xD800;&#x110000;", "\u2013\ufffd\ufffd\ufffd"),
        # Once, and after the tags: what was written as text is text.
        ("&amp;lt; &lt;br&gt;", "&lt; <br>"),
    ],
)
def test_character_references_are_replaced_once(text: str, expected: str) -> None:
    assert stripped(text) == expected


def test_a_script_that_is_never_closed_loses_only_its_tag() -> None:
    assert stripped("a<script>b") == "ab"


@pytest.mark.parametrize(
    "unit", ["<!--<!doctype>", '<a "', "<script><style></style>", "<br ", "&a"]
)
def test_hostile_texts_take_no_time(unit: str) -> None:
    """A pattern that backtracks, or looks again behind each match, would take hours."""
    result = stripped(unit * 100_000 + "<br>")

    assert result.endswith("\n")


def test_a_slice_of_an_array_is_cleaned_as_itself() -> None:
    texts = strings("x", "<i>e\u0301</i>", "y", "&amp;", "z").slice(1, 3)

    assert normalize_nfc(strip_html(texts)).to_pylist() == ["é", "y", "&"]
    assert normalize_nfc(strip_html(texts.slice(0, 0))).to_pylist() == []


@settings(max_examples=40)
@given(st.lists(st.text(alphabet=st.sampled_from("eE\u0301\u0323é\u212b\u1100\u1161가a<"))))
def test_normalizing_is_pythons(texts: list[str]) -> None:
    assert normalize_nfc(strings(*texts)).to_pylist() == [normalize("NFC", t) for t in texts]


def test_a_part_keeps_everything_but_its_texts() -> None:
    part = part_of("<br />a", "plain", "e\u0301", "<i>e\u0301</i>")

    cleaned = clean_part(part, Cleaning(strip_html=True, normalize="nfc"))

    assert cleaned.reviews.column("text").to_pylist() == ["\na", "plain", "é", "é"]
    assert cleaned.reviews.drop_columns("text") == part.reviews.drop_columns("text")
    assert cleaned.cleaning == ReviewCounts(html_stripped=2, normalized=2)
    assert (cleaned.key, cleaned.last) == (part.key, part.last)
    assert cleaned.digest != part.digest


@pytest.mark.parametrize(
    ("cleaning", "texts", "counts"),
    [
        (Cleaning(), ["<b>e\u0301"], ReviewCounts()),
        (Cleaning(strip_html=True), ["e\u0301"], ReviewCounts(html_stripped=1)),
        (Cleaning(normalize="nfc"), ["<b>é"], ReviewCounts(normalized=1)),
    ],
)
def test_each_step_is_off_by_itself(
    cleaning: Cleaning, texts: list[str], counts: ReviewCounts
) -> None:
    cleaned = clean_part(part_of("<b>e\u0301"), cleaning)

    assert cleaned.reviews.column("text").to_pylist() == texts
    assert cleaned.cleaning == counts


def test_an_empty_part_stays_empty() -> None:
    cleaned = clean_part(part_of(), Cleaning(strip_html=True, normalize="nfc"))

    assert cleaned.reviews.num_rows == 0
    assert cleaned.cleaning == ReviewCounts()
