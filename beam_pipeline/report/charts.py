"""The charts of lengths and shards, each from a few numbers to an SVG element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from beam_pipeline.report.svg import (
    COOL,
    INK,
    LINE,
    MAIN,
    MUTED,
    SMALL_SIZE,
    WARM,
    new_axes,
    svg_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 210


def length_chart(histogram: dict[str, Any], marks: Sequence[int], title: str) -> str:
    """Draw how many reviews have how many tokens.

    Args:
        histogram: `width` of a bin, and `reviews` in each; the last one is open.
        marks: Lengths at which a line is drawn.
        title: What is read aloud.
    """
    width, reviews = histogram["width"], np.array(histogram["reviews"])
    figure, axes = new_axes(HEIGHT)
    end = width * len(reviews)
    axes.bar(np.arange(len(reviews)) * width, reviews, width * 0.86, align="edge", color=MAIN,
             linewidth=0)  # fmt: skip
    axes.set_xlim(0, end)
    top = reviews.max(initial=1) * 1.22
    axes.set_ylim(0, top)
    for mark in [mark for mark in marks if mark <= end * 0.97]:
        axes.plot([mark, mark], [0, top * 0.93], color=WARM, lw=1.2, dashes=(3, 2))
        axes.text(
            mark, top * 0.94, f"{mark:,}", color=WARM, ha="center", va="bottom", fontsize=SMALL_SIZE
        )
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("tokens in a review (last bar: and more)")
    axes.set_ylabel("reviews")
    _count_axis(axes)
    return svg_of(figure, title)


def choice_chart(at: Sequence[dict[str, float]], n_reviews: int, n_tokens: int, title: str) -> str:
    """Draw what each `max_length` keeps, and what it pads.

    Args:
        at: For each length `max_length`, `reviews_longer`, `tokens_lost` and `padding_share`.
        n_reviews: All reviews.
        n_tokens: All tokens.
        title: What is read aloud.
    """
    figure, axes = new_axes(HEIGHT)
    lengths = [row["max_length"] for row in at]
    lines = (
        ("tokens kept", [1 - row["tokens_lost"] / max(n_tokens, 1) for row in at], MAIN, "-"),
        ("reviews whole", [1 - row["reviews_longer"] / max(n_reviews, 1) for row in at], COOL, "-"),
        ("padding", [row["padding_share"] for row in at], WARM, "--"),
    )
    for name, shares, colour, style in lines:
        axes.plot(lengths, np.array(shares) * 100, color=colour, lw=2.2, ls=style, label=name)
    axes.set_ylim(0, 103)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.yaxis.set_major_formatter("{x:.0f} %")
    axes.set_xticks([128, 256, 512, 1024])
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("max_length")
    axes.grid(axis="y")
    figure.legend(loc="outside upper left", ncols=3, frameon=False, handlelength=1.4,
                  columnspacing=1.2, labelcolor=INK, fontsize=SMALL_SIZE, borderpad=0)  # fmt: skip
    return svg_of(figure, title)


def shard_chart(rows: Sequence[int], title: str) -> str:
    """Draw the rows of shards, from the smallest to the largest."""
    figure, axes = new_axes(130)
    axes.bar(np.arange(len(rows)), rows, 0.8, color=MAIN, linewidth=0)
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.set_xticks([])
    axes.set_xlabel("shards, from the smallest to the largest")
    axes.set_ylabel("rows")
    _count_axis(axes)
    return svg_of(figure, title)


def _count_axis(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="y", color=LINE)
    axes.tick_params(colors=MUTED)
