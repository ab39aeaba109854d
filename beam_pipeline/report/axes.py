"""The frame of a chart: numbers along two axes, and where they lie in the drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from beam_pipeline.report.svg import LINE, MUTED, WIDTH, Drawing, Point

_LEFT, _RIGHT, _TOP = 62, 12, 10
_BELOW = 40  # Room for ticks, and what they are.
_MOST_STEPS = 4


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
