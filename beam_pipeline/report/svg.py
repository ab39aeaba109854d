"""Drawings as SVG elements that take the colours and the font of the page around them.

Written out by hand: a library that draws takes a second to load, as long as a small job to start.
"""

from __future__ import annotations

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
