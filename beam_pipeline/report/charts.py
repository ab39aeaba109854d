"""The charts of lengths, shards and generations, each from a few numbers to an SVG element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from beam_pipeline.report.svg import COOL, INK, MAIN, MUTED, WARM, Axes, round_ticks

HEIGHT = 210
_NEAR = 28  # Two numbers side by side need as much.
_BAR = 0.86  # Of the place that there is for one.

TREND_HEIGHT = 170
MOST_TICKS = 6
MILLIONS_FROM = 4e6
# Classes beyond these would be lines that nobody can tell apart.
_CLASSES = ((MAIN, ()), (COOL, ()), (WARM, (6, 3)), (MUTED, (2, 3)))
_NAME_LENGTH = 11

Points = Sequence[Mapping[str, Any]]
Line = tuple[str, Sequence[float], str, tuple[int, ...]]  # Name, values, colour, dashes.


def length_chart(histogram: dict[str, Any], marks: Sequence[int], title: str) -> str:
    """Draw how many reviews have how many tokens.

    Args:
        histogram: `width` of a bin, and `reviews` in each; the last one is open.
        marks: Lengths at which a line is drawn.
        title: What is read aloud.
    """
    width, reviews = histogram["width"], histogram["reviews"]
    end = width * len(reviews)
    top = max(reviews, default=1) or 1
    axes = Axes(HEIGHT, title, x=(0, end), y_top=top * 1.22)
    axes.name_y(round_ticks(top), name="reviews")
    for number, count in enumerate(reviews):
        axes.bar(number * width, (number + _BAR) * width, count, MAIN)
    shown = [mark for mark in marks if mark <= end * 0.97]
    for mark, after in pairwise([*shown, end]):
        x, y = axes.place(mark, top * 1.14)
        near = axes.place(after, 0)[0] - x < _NEAR
        axes.drawing.line([axes.place(mark, 0), (x, y)], WARM, 1.2, (3, 2))
        axes.drawing.text((x, y - 3), f"{mark:,}", WARM, anchor="end" if near else "middle")
    axes.name_x("tokens in a review (last bar: and more)", round_ticks(end))
    return str(axes.drawing)


def choice_chart(at: Sequence[dict[str, float]], n_reviews: int, n_tokens: int, title: str) -> str:
    """Draw what each `max_length` keeps, and what it pads.

    Args:
        at: For each length `max_length`, `reviews_longer`, `tokens_lost` and `padding_share`.
        n_reviews: All reviews.
        n_tokens: All tokens.
        title: What is read aloud.
    """
    lengths = [row["max_length"] for row in at]
    axes = Axes(HEIGHT, title, x=(lengths[0], lengths[-1]), y_top=103, head=16)
    axes.name_y([0, 25, 50, 75, 100], unit=" %")
    kept = [1 - row["tokens_lost"] / max(n_tokens, 1) for row in at]
    whole = [1 - row["reviews_longer"] / max(n_reviews, 1) for row in at]
    padding = [row["padding_share"] for row in at]
    lines: tuple[tuple[str, list[float], str, tuple[int, ...]], ...] = (
        ("tokens kept", kept, MAIN, ()),
        ("reviews whole", whole, COOL, ()),
        ("padding", padding, WARM, (6, 3)),
    )
    for left, (name, shares, colour, dashes) in zip((62, 156, 272), lines, strict=True):
        points = [axes.place(x, share * 100) for x, share in zip(lengths, shares, strict=True)]
        axes.drawing.line(points, colour, 2.2, dashes)
        axes.drawing.line([(left, 8), (left + 16, 8)], colour, 2.2, dashes)
        axes.drawing.text((left + 20, 12), name, INK, anchor="start")
    ticks = [tick for tick in (128, 256, 512, 1024) if lengths[0] <= tick <= lengths[-1]]
    axes.name_x("max_length", ticks)
    return str(axes.drawing)


def shard_chart(rows: Sequence[int], title: str) -> str:
    """Draw the rows of shards, from the smallest to the largest."""
    top = max(rows, default=1) or 1
    axes = Axes(130, title, x=(0, len(rows)), y_top=top * 1.05)
    axes.name_y(round_ticks(top), name="rows")
    for number, count in enumerate(rows):
        axes.bar(number + (1 - _BAR) / 2, number + (1 + _BAR) / 2, count, MAIN)
    axes.name_x("shards, from the smallest to the largest")
    return str(axes.drawing)


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
    axes = Axes(TREND_HEIGHT, title, x=ends, y_top=top * 1.1, head=16 if several else 0)
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
