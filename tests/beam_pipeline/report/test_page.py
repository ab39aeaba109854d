from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from beam_pipeline.report.charts import choice_chart, length_chart, shard_chart
from beam_pipeline.report.flow_chart import flow_chart, share_text, thicknesses
from beam_pipeline.report.page import (
    options_as_code,
    render,
    short,
    size_text,
    this_run_and_dataset,
    tiles,
)
from beam_pipeline.report.svg import Axes, Drawing, round_ticks
from tests.beam_pipeline.report.documents import HOSTILE, example

pytestmark = pytest.mark.draws_report


class _Page(HTMLParser):
    """Collects tags, ids and texts, and checks that tags close."""

    VOID = ("meta", "link", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def html() -> str:
    return render(example(), f"out/{HOSTILE}")


def test_the_page_is_whole_and_asks_for_nothing_from_elsewhere(html):
    page = _Page(html)
    assert page.open == []
    assert not page.tags & {"script", "iframe", "object", "img", "base", "form"}
    links = [value for name, value in page.attributes if name in ("href", "src", "xlink:href")]
    assert links == ["data:,"]
    assert "url(" not in html
    assert "@import" not in html
    assert len(html.encode()) < 500_000
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_texts_of_the_data_stay_texts(html):
    """Labels, tokens, unknown words, reasons and the path: each may hold markup."""
    assert HOSTILE not in html
    texts = "".join(_Page(html).texts)
    assert texts.count(HOSTILE.replace(" ", "␣")) >= 6
    assert "␣the⏎" in texts


def test_the_figures_stand_in_the_page(html):
    texts = "".join(_Page(html).texts)
    for figure in ("155,600", "48.8 %", "1,198", "20,000", "neg", "0123456789abcdef"):
        assert figure in texts, figure


def test_a_report_without_figures_of_this_run_is_drawn_too():
    html = render(example(measured=None, run=None, rejected={}), "out")
    assert _Page(html).open == []
    assert "nothing was counted in this one" in html
    assert html.count("<svg") == 3


def test_what_made_the_dataset_and_when_stands_there():
    texts = "".join(_Page(render(example(), "out")).texts)
    assert "generation 7, made 2026-03-30 04:05 UTC by review-shards 0.1.0" in texts
    assert "Made by python -m beam_pipeline --input" in texts


def test_the_run_and_the_dataset_stand_beside_each_other():
    document = example()
    small = {**document["ledger"]["reviews"], "written": 77}
    added = {
        "inputs": 1,
        "ledger": {**document["ledger"], "reviews": small},
        "subsets": {"train": {"rows": 55, "shards": 1}},
    }
    document["dataset"]["generations"] = 7
    both = {name: pair for name, *pair in this_run_and_dataset({**document, "added": added})}
    assert both["input files"] == [1, 3]
    assert both["reviews written"] == [77, 1000]
    assert both["rows in train"] == [55, 900]
    assert both["rows in validation"] == [None, 100]
    html = render({**document, "added": added}, "out")
    assert "the whole dataset of 7 generations" in html
    assert "the whole dataset" not in render(example(), "out")


def test_trends_and_broken_expectations_are_shown_where_there_are_some():
    point = {
        "generation": 6, "ended": "2026-03-29T04:05:08Z", "reviews": 500, "mean_tokens": 300.25,
        "rejected_share": 0.01, "unknown_share": 0.0, "repeated_share": None, "label_shares": {},
    }  # fmt: skip
    trend = [point, {**point, "generation": 7, "ended": None}]
    html = render(example(trend=trend, broken_expectations=[f"labels: {HOSTILE}"]), "out")
    texts = "".join(_Page(html).texts)
    for text in ("From generation to generation", "2026-03-29 04:05 UTC", "300.2", "not counted"):
        assert text in texts, text
    assert f"labels: {HOSTILE}" in texts
    assert html.count("by generation, in numbers below") == 4
    assert "From generation" not in render(example(trend=[point]), "out")


def test_a_flow_from_one_place_to_one_other_is_not_drawn():
    document = example()
    none = dict.fromkeys(document["ledger"]["reviews"], 0)
    for n in (0, 10):
        tokens = {"tokenized": n, "special": 0, "repeated": 0, "written": n, "dropped": 0}
        ledger = {"reviews": {**none, "read": n, "written": n}, "tokens": tokens}
        html = render({**document, "ledger": ledger, "measured": None}, "out")
        assert "Flow of" not in html


def test_the_tile_of_what_is_lost_says_the_same_as_the_charts():
    assert tiles(example())[-1] == ("48.8 %", "truncated", "488 reviews")
    document = example()
    document["dataset"]["task"] = "mlm"
    assert tiles(document)[-1] == ("48.5 %", "dropped at ends of parts", "146,400 tokens")


def test_one_of_a_kind_is_not_many():
    document = example()
    document["ledger"]["reviews"].update(rejected=1, truncated=1)
    assert [tile[2] for tile in tiles(document)][-2:] == ["1 record", "1 review"]
    document["dataset"]["inputs"] = 1
    assert "from 1 input file of" in render(document, "out")


def test_tiles_are_short():
    assert tiles(example())[:2] == [
        ("1,010", "reviews read", "1,000 written"),
        ("156 k", "tokens written", "155,600"),
    ]
    assert [tile[1] for tile in tiles(example(run=None))][3:] == ["rejected", "truncated"]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (50_000, "50,000"), (99_949, "99,949"), (100_000, "100 k"),
     (149_200, "149 k"), (999_700, "1.0 M"), (15_416_058, "15.4 M"), (2.5e9, "2.5 G")],
)  # fmt: skip
def test_large_numbers_are_shortened(number, text):
    assert short(number) == text


def test_sizes_and_shares():
    assert [size_text(n) for n in (0, 66e6, 1.5e9)] == ["0.0 MB", "66.0 MB", "1.5 GB"]
    shares = [share_text(n, 100_000) for n in (0, 1, 20, 50_000, 99_990, 99_999, 100_000)]
    assert shares == ["0 %", "< 0.01 %", "0.02 %", "50.0 %", "99.99 %", "> 99.99 %", "100 %"]
    assert share_text(0, 0) == "0 %"


def test_options_in_sentences_are_code_and_all_else_is_escaped():
    found = options_as_code("<b> --dedup exact & --strip_html")
    assert found == "&lt;b&gt; <code>--dedup</code> exact &amp; <code>--strip_html</code>"


def _svg(text: str) -> ElementTree.Element:
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    assert root.get("viewBox", "").startswith("0 0 360 ")
    assert root.get("width") is None
    return root


def test_charts_take_the_colours_of_the_page_and_name_themselves():
    histogram = {"width": 16, "reviews": list(range(40))}
    at = example()["measured"]["lengths"]["at"]
    for chart in (
        length_chart(histogram, (128, 256, 5000), "What & why"),
        choice_chart(at, 1000, 300_000, "What & why"),
        shard_chart([3, 4], "What & why"),
        flow_chart([("read", 3)], [("written", 2), ("dropped", 1)], "What & why"),
    ):
        assert _svg(chart).get("aria-label") == "What & why"
        assert "var(--main)" in chart
    assert "5,000" not in length_chart(histogram, (128, 5000), "")


def test_a_flow_shows_true_numbers_and_makes_small_ones_visible():
    flow = [("written", 999_999), ("rejected", 0), ("dropped", 1)]
    texts = list(_svg(flow_chart([("read", 1_000_000)], flow, "")).itertext())
    words = [text.strip() for text in texts if text.strip()]
    assert words == ["1,000,000", "read", "999,999", "written, > 99.99 %", "1", "dropped, < 0.01 %"]
    thick = thicknesses([flow[0], flow[2]])
    assert thick.sum() == pytest.approx(96)
    assert thick[1] > 2.5


@pytest.mark.parametrize(
    ("top", "ticks"),
    [
        (0, [0]),
        (3, [0, 1, 2, 3]),
        (16, [0, 5, 10, 15]),
        (2304, [0, 1000, 2000]),
        (5_000_000, [0, 2_000_000, 4_000_000]),
    ],
)
def test_numbers_along_an_axis_are_whole_and_round(top, ticks):
    assert round_ticks(top) == ticks


def test_values_lie_where_the_axes_say():
    axes = Axes(140, "", x=(100, 200), y_top=50)
    assert axes.place(100, 0) == (62, 100)
    assert axes.place(150, 25) == (62 + 143, 55)
    assert axes.place(200, 50) == (348, 10)


def test_a_drawing_is_what_was_drawn_and_its_texts_stay_texts():
    drawing = Drawing(20, "<a> & b")
    drawing.bar(1, 2, 3, 4.5, "red")
    drawing.line([(0, 0), (5, 5)], "blue", dashes=(3, 2))
    drawing.text((1, 9), "<script>", "ink")
    root = ElementTree.fromstring(str(drawing))
    assert root.get("aria-label") == "<a> & b"
    bar, line, text = root
    assert bar.get("d") == "M1 2L4 2L4 6.5L1 6.5Z"
    assert "stroke-dasharray:3 2" in line.get("style")
    assert text.text == "<script>"


def test_charts_of_nothing_are_empty():
    assert "<path" in length_chart({"width": 16, "reviews": [0, 0]}, (), "")
    assert shard_chart([0], "").endswith("</svg>")
