"""Drawings and charts as SVG elements that take the colours and the font of the page around them.

Written out by hand: a library that draws takes a second to load, as long as a small job to start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]

# Variables of the page's style sheet.
INK, MUTED, LINE, MAIN, WARM, COOL = (
    f"var(--{name})" for name in ("ink", "muted", "line", "main", "warm", "cool")
)

WIDTH = 360  # User units: on a narrow phone one is about a pixel.
FONT_SIZE = 12
SMALL_SIZE = 11

# Of a chart in a drawing.
_LEFT, _RIGHT, _TOP = 62, 12, 10
_BELOW = 40  # Room for ticks, and what they are.
_MOST_STEPS = 4


class Drawing:
    """An SVG element of `WIDTH` x `height` user units, from the upper left corner.

    Args:
        height: Its height.
        title: What is read aloud.
    """

    def __init__(self, height: float, title: str) -> None:
        """Begin with nothing in it."""
        self._height = height
        self._title = title
        self._elements: list[str] = []

    def area(self, points: Iterable[Point], colour: str, opacity: float = 1) -> None:
        """Fill what lies between points."""
        style = f"fill:{colour};fill-opacity:{opacity:g}"
        self._elements.append(f'<path d="M{_path(points)}Z" style="{style}"/>')

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle, from its upper left corner."""
        right, bottom = x + width, y + height
        self.area([(x, y), (right, y), (right, bottom), (x, bottom)], colour)

    def line(
        self, points: Iterable[Point], colour: str, width: float = 1, dashes: Sequence[int] = ()
    ) -> None:
        """Draw a line through points; `dashes` are lengths of strokes and gaps."""
        style = f"fill:none;stroke:{colour};stroke-width:{width:g}"
        if dashes:
            style += f";stroke-dasharray:{' '.join(map(str, dashes))}"
        self._elements.append(f'<path d="M{_path(points)}" style="{style}"/>')

    def text(
        self,
        place: Point,
        text: str,
        colour: str,
        *,
        anchor: Anchor = "middle",
        size: int = SMALL_SIZE,
        bold: bool = False,
        turned: bool = False,
    ) -> None:
        """Write a text at its baseline; `turned` is read from below."""
        x, y = place
        style = f"fill:{colour};font-size:{size}px;text-anchor:{anchor}"
        style += ";font-weight:bold" if bold else ""
        turn = f' transform="rotate(-90 {x:.5g} {y:.5g})"' if turned else ""
        self._elements.append(
            f'<text x="{x:.5g}" y="{y:.5g}" style="{style}"{turn}>{escape(text)}</text>'
        )

    def __str__(self) -> str:
        """Return the element, for an HTML page."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self._height:.5g}" '
            f'role="img" aria-label="{escape(self._title)}">{"".join(self._elements)}</svg>'
        )


def _path(points: Iterable[Point]) -> str:
    return "L".join(f"{x:.5g} {y:.5g}" for x, y in points)


class Axes:
    """A chart in the middle of a drawing.

    Args:
        height: Of the whole drawing.
        title: What is read aloud.
        x: From where to where its values go.
        y_top: Where the other ones end; they begin at 0.
        head: Room above the chart.
    """

    def __init__(
        self, height: float, title: str, *, x: tuple[float, float], y_top: float, head: float = 0
    ) -> None:
        """Begin with nothing drawn."""
        self.drawing = Drawing(height, title)
        self._x = x
        self._y_top = y_top
        self._above = _TOP + head
        self._bottom = height - _BELOW

    def place(self, x: float, y: float) -> Point:
        """Return where a pair of values lies."""
        first, last = self._x
        across = (x - first) / (last - first) * (WIDTH - _LEFT - _RIGHT)
        return _LEFT + across, self._bottom - y / self._y_top * (self._bottom - self._above)

    def bar(self, first: float, last: float, y: float, colour: str) -> None:
        """Draw a bar from 0 to `y`."""
        (left, top), (right, bottom) = self.place(first, y), self.place(last, 0)
        self.drawing.bar(left, top, right - left, bottom - top, colour)

    def name_x(self, name: str, ticks: Sequence[float] = ()) -> None:
        """Write numbers below the chart, and what they are; draw the line that they stand on."""
        self.drawing.line([self.place(end, 0) for end in self._x], LINE)
        for tick in ticks:
            self.drawing.text((self.place(tick, 0)[0], self._bottom + 14), f"{tick:,.0f}", MUTED)
        middle = sum(self._x) / 2
        self.drawing.text((self.place(middle, 0)[0], self._bottom + 32), name, MUTED)

    def name_y(self, ticks: Sequence[float], unit: str = "", name: str = "") -> None:
        """Write numbers beside the chart, and what they are, with lines across it."""
        for tick in ticks:
            left, y = self.place(self._x[0], tick)
            self.drawing.line([(left, y), self.place(self._x[1], tick)], LINE, 0.8)
            text = f"{tick:,.0f}{unit}"
            self.drawing.text((left - 6, y + 4), text, MUTED, anchor="end")
        middle = (self._above + self._bottom) / 2
        self.drawing.text((11, middle), name, MUTED, turned=True)


def round_ticks(top: float) -> list[int]:
    """Return whole numbers from 0 to `top`, at most four steps of 1, 2 or 5 times a power of ten.

    Example:
        >>> round_ticks(2304)
        [0, 1000, 2000]
    """
    least = max(top / _MOST_STEPS, 1)
    power = 10 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
    return list(range(0, int(top) + 1, step))
