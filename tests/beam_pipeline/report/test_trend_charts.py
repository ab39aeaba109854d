"""Lines over generations show each run's figures at their generation, in units that have room."""

import re
from typing import Any

from beam_pipeline.report.charts import line_chart, trend_charts


def _point(generation: int, **changed: Any) -> dict[str, Any]:
    return {
        "generation": generation, "reviews": 500, "mean_tokens": 300.0, "rejected_share": 0.01,
        "label_shares": {"0": 0.5, "1": 0.5}, **changed,
    }  # fmt: skip


def _texts(chart: str) -> list[str]:
    return re.findall(r">([^<]+)</text>", chart)


def test_one_generation_is_no_trend() -> None:
    assert trend_charts([_point(1)], None) == {}


def test_each_figure_has_a_chart_and_classes_have_their_names() -> None:
    charts = trend_charts([_point(4), _point(6)], {"0": "neg", "1": "a rather long name"})
    assert list(charts) == [
        "reviews", "tokens", "tokens in a review", "rejected records", "reviews by label",
    ]  # fmt: skip
    assert {"neg", "a rather l\N{HORIZONTAL ELLIPSIS}"} <= set(_texts(charts["reviews by label"]))
    for chart in charts.values():
        assert {"4", "6", "generation"} <= set(_texts(chart))


def test_a_new_class_begins_at_nothing() -> None:
    charts = trend_charts([_point(1), _point(2, label_shares={"0": 0.4, "1": 0.4, "2": 0.2})], None)
    assert {"0", "1", "2"} <= set(_texts(charts["reviews by label"]))


def test_without_labels_there_is_no_chart_of_them() -> None:
    assert "reviews by label" not in trend_charts(
        [_point(n, label_shares={}) for n in (1, 2)], None
    )


def test_a_line_goes_up_with_its_values_and_large_ones_are_millions() -> None:
    chart = line_chart([1, 2, 3], [("tokens", [1e6, 2e6, 8e6], "red", ())], unit="")
    path = re.search(r'd="M([^"]+)" style="fill:none;stroke:red', chart)
    assert path is not None
    heights = [float(place.split()[1]) for place in path[1].split("L")]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > heights[1] > heights[2]
    assert "8 M" in _texts(chart)
