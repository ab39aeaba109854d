"""Lines over generations: what each run added, beside what the runs before it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beam_pipeline.report.axes import Axes, round_ticks
from beam_pipeline.report.svg import COOL, INK, MAIN, MUTED, WARM

HEIGHT = 170
MOST_TICKS = 6
MILLIONS_FROM = 4e6
# Classes beyond these would be lines that nobody can tell apart.
_CLASSES = ((MAIN, ()), (COOL, ()), (WARM, (6, 3)), (MUTED, (2, 3)))
_NAME_LENGTH = 11

Points = Sequence[Mapping[str, Any]]
Line = tuple[str, Sequence[float], str, tuple[int, ...]]  # Name, values, colour, dashes.


def trend_charts(trend: Points, label_names: Mapping[str, str] | None) -> dict[str, str]:
    """Return SVG elements by what they show; none for fewer than two generations.

    Args:
        trend: The points, from the oldest to the newest; see `write`.
        label_names: Name of each label, None where labels have none.
    """
    if len(trend) < 2:
        return {}
    generations = [int(point["generation"]) for point in trend]
    values = {
        "reviews": [point["reviews"] for point in trend],
        "tokens": [point["reviews"] * point["mean_tokens"] for point in trend],
        "tokens in a review": [point["mean_tokens"] for point in trend],
        "rejected records": [100 * point["rejected_share"] for point in trend],
    }
    charts = {
        name: line_chart(
            generations, [(name, line, MAIN, ())], unit=" %" if "rejected" in name else ""
        )
        for name, line in values.items()
    }
    classes = _class_lines(trend, label_names or {})
    if len(classes) > 1:
        charts["reviews by label"] = line_chart(generations, classes, unit=" %")
    return charts


def line_chart(generations: Sequence[int], lines: Sequence[Line], unit: str) -> str:
    """Draw lines over generations; several of them have their names above."""
    top = max(1.0, *(value for _, values, _, _ in lines for value in values))
    if top >= MILLIONS_FROM:  # Numbers in full have no room beside the chart.
        top, unit = top / 1e6, " M"
        lines = [(name, [y / 1e6 for y in ys], *style) for name, ys, *style in lines]  # type: ignore[misc]
    title = f"{', '.join(name for name, *_ in lines)} by generation, in numbers below"
    several = len(lines) > 1
    ends = (generations[0], generations[-1])
    axes = Axes(HEIGHT, title, x=ends, y_top=top * 1.1, head=16 if several else 0)
    axes.name_y(round_ticks(top), unit)
    step = -(-len(generations) // MOST_TICKS)
    axes.name_x("generation", generations[::-1][::step])
    for number, (name, values, colour, dashes) in enumerate(lines):
        points = [axes.place(x, y) for x, y in zip(generations, values, strict=True)]
        axes.drawing.line(points, colour, 2.2, dashes)
        if several:
            left = 30 + 83 * number
            axes.drawing.line([(left, 8), (left + 14, 8)], colour, 2.2, dashes)
            shown = name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
            axes.drawing.text((left + 17, 12), shown, INK, anchor="start")
    return str(axes.drawing)


def _class_lines(trend: Points, names: Mapping[str, str]) -> list[Line]:
    """Return the share of each of the largest classes in the new reviews, in percent."""
    shares = [point.get("label_shares") or {} for point in trend]
    total = {label: sum(each.get(label, 0) for each in shares) for each in shares for label in each}
    largest = sorted(total, key=lambda label: (-total[label], label))[: len(_CLASSES)]
    return [
        (names.get(label, label), [100 * each.get(label, 0) for each in shares], *style)
        for label, style in zip(sorted(largest), _CLASSES, strict=False)
    ]
