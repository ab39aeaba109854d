"""A flow: amounts from sources, through one stream, to where they went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from beam_pipeline.report.svg import (
    COOL,
    FONT_SIZE,
    INK,
    MAIN,
    MUTED,
    SMALL_SIZE,
    WARM,
    new_axes,
    svg_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Flow = Sequence[tuple[str, int]]

# In user units of the drawing.
_STREAM = 96  # Thickness of the whole stream.
_LEAST = 3  # Of the smallest branch: thinner ones are not seen.
_LABEL = 36  # Room for a label of two lines.
_SOURCE_COLOURS = (MAIN, COOL, MUTED)
_TARGET_COLOURS = (MAIN, WARM, COOL, MUTED)


def flow_chart(sources: Flow, targets: Flow, title: str) -> str:
    """Draw amounts above 0 that flow from sources to targets; both sides have the same sum.

    A very small amount is drawn thicker than it is; the numbers beside it are true. The first
    target is where things should go.
    """
    left, right = ([item for item in flow if item[1]] for flow in (sources, targets))
    rooms = [_rooms(flow) for flow in (left, right)]
    height = max(room.sum() for room in rooms) + 8
    figure, axes = new_axes(height)
    axes.set_axis_off()
    axes.set_xlim(-0.95, 1.95)
    axes.set_ylim(height / 2, -height / 2)
    for flow, room, x, colours in (
        (left, rooms[0], 0.0, _SOURCE_COLOURS),
        (right, rooms[1], 1.0, _TARGET_COLOURS),
    ):
        _draw_side(axes, flow, room, x, colours)
    return svg_of(figure, title)


def thicknesses(flow: Flow) -> npt.NDArray[np.float64]:
    """Return (n,) how thick each branch is: as its amount, but at least `_LEAST`."""
    amounts = np.array([amount for _, amount in flow], float)
    thick: npt.NDArray[np.float64] = np.maximum(_STREAM * amounts / amounts.sum(), _LEAST)
    return thick * (_STREAM / float(thick.sum()))


def _rooms(flow: Flow) -> npt.NDArray[np.float64]:
    return np.maximum(thicknesses(flow) + 4, _LABEL)


def _draw_side(
    axes: Axes, flow: Flow, rooms: npt.NDArray[np.float64], x: float, colours: Sequence[str]
) -> None:
    thick = thicknesses(flow)
    inner = np.cumsum(thick) - thick / 2 - _STREAM / 2
    outer = np.cumsum(rooms) - rooms / 2 - rooms.sum() / 2
    total = sum(amount for _, amount in flow)
    steps = np.linspace(0, 1, 24)
    bend = steps * steps * (3 - 2 * steps)
    align, shift = ("right", -0.04) if x == 0 else ("left", 0.04)
    for i, (name, amount) in enumerate(flow):
        middle = inner[i] + (outer[i] - inner[i]) * bend
        across = 0.5 + (x - 0.5) * steps
        half, colour = thick[i] / 2, colours[i % len(colours)]
        edges = np.concatenate([middle - half, (middle + half)[::-1]])
        axes.fill(np.concatenate([across, across[::-1]]), edges, color=colour, alpha=0.3, lw=0)
        ends = [outer[i] - half, outer[i] + half]
        axes.plot([x, x], ends, color=colour, lw=4, solid_capstyle="butt")
        place = (x + shift, outer[i])
        axes.text(
            *place,
            f"{amount:,}",
            ha=align,
            va="bottom",
            color=INK,
            weight="bold",
            fontsize=FONT_SIZE,
        )
        what = name if amount == total else f"{name}, {share_text(amount, total)}"
        axes.text(*place, what, ha=align, va="top", color=MUTED, fontsize=SMALL_SIZE)


def share_text(amount: float, total: float) -> str:
    """Return a share for people: `0.4 %`, and `below 0.01 %` rather than 0 for a little."""
    share = amount / total if total else 0.0
    if 0 < share < 0.0001:
        return "< 0.01 %"
    if 0.9999 < share < 1:
        return "> 99.99 %"
    digits = 0 if share in (0, 1) else 2 if share < 0.01 or share > 0.99 else 1
    return f"{share:.{digits}%}".replace("%", " %")
