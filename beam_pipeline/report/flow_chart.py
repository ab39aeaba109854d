"""A flow: amounts from sources, through one stream, to where they went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from beam_pipeline.report.svg import COOL, FONT_SIZE, INK, MAIN, MUTED, WARM, WIDTH, Anchor, Drawing

Flow = Sequence[tuple[str, int]]

# In user units of the drawing.
_STREAM = 96  # Thickness of the whole stream.
_LEAST = 3  # Of the smallest branch: thinner ones are not seen.
_LABEL = 36  # Room for a label of two lines.
_SIDES = (118.0, WIDTH - 118.0)  # Where the stream begins and ends.
_SOURCE_COLOURS = (MAIN, COOL, MUTED)
_TARGET_COLOURS = (MAIN, WARM, COOL, MUTED)


def flow_chart(sources: Flow, targets: Flow, title: str) -> str:
    """Draw amounts above 0 that flow from sources to targets; both sides have the same sum.

    A very small amount is drawn thicker than it is; the numbers beside it are true. The first
    target is where things should go.
    """
    left, right = ([item for item in flow if item[1]] for flow in (sources, targets))
    rooms = [np.maximum(thicknesses(flow) + 4, _LABEL) for flow in (left, right)]
    drawing = Drawing(max(room.sum() for room in rooms) + 8, title)
    _draw_side(drawing, left, rooms, 0, _SOURCE_COLOURS)
    _draw_side(drawing, right, rooms, 1, _TARGET_COLOURS)
    return str(drawing)


def thicknesses(flow: Flow) -> npt.NDArray[np.float64]:
    """Return (n,) how thick each branch is: as its amount, but at least `_LEAST`."""
    amounts = np.array([amount for _, amount in flow], float)
    thick: npt.NDArray[np.float64] = np.maximum(_STREAM * amounts / amounts.sum(), _LEAST)
    return thick * (_STREAM / float(thick.sum()))


def _draw_side(
    drawing: Drawing,
    flow: Flow,
    rooms_of_both: Sequence[npt.NDArray[np.float64]],
    side: Literal[0, 1],
    colours: Sequence[str],
) -> None:
    thick, rooms = thicknesses(flow), rooms_of_both[side]
    centre = max(room.sum() for room in rooms_of_both) / 2 + 4
    inner = centre + np.cumsum(thick) - thick / 2 - _STREAM / 2
    outer = centre + np.cumsum(rooms) - rooms / 2 - rooms.sum() / 2
    total = sum(amount for _, amount in flow)
    steps = np.linspace(0, 1, 24)
    bend = steps * steps * (3 - 2 * steps)
    x = _SIDES[side]
    anchor: Anchor = "start" if side else "end"
    across = (WIDTH / 2 + (x - WIDTH / 2) * steps).tolist()
    for i, (name, amount) in enumerate(flow):
        middle = inner[i] + (outer[i] - inner[i]) * bend
        half, colour, y = thick[i] / 2, colours[i % len(colours)], float(outer[i])
        above, below = (middle - half).tolist(), (middle + half).tolist()
        edges = [*zip(across, above, strict=True), *zip(across[::-1], below[::-1], strict=True)]
        drawing.area(edges, colour, opacity=0.3)
        drawing.line([(x, y - half), (x, y + half)], colour, 4)
        place = x + 6 if side else x - 6
        drawing.text((place, y - 3), f"{amount:,}", INK, anchor=anchor, size=FONT_SIZE, bold=True)
        what = name if amount == total else f"{name}, {share_text(amount, total)}"
        drawing.text((place, y + 11), what, MUTED, anchor=anchor)


def share_text(amount: float, total: float) -> str:
    """Return a share for people: `0.4 %`, and `below 0.01 %` rather than 0 for a little."""
    share = amount / total if total else 0.0
    if 0 < share < 0.0001:
        return "< 0.01 %"
    if 0.9999 < share < 1:
        return "> 99.99 %"
    digits = 0 if share in (0, 1) else 2 if share < 0.01 or share > 0.99 else 1
    return f"{share:.{digits}%}".replace("%", " %")
