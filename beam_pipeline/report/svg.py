"""Matplotlib figures as SVG elements that take the colours and fonts of the page around them."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib wants colours; the page knows only at reading time which ones it is read in. So each
# is drawn in a colour that stands for a variable of the page's style sheet.
COLOURS = {
    "ink": "#000001",
    "muted": "#000002",
    "line": "#000003",
    "main": "#000004",
    "warm": "#000005",
    "cool": "#000006",
}
INK, MUTED, LINE = COLOURS["ink"], COLOURS["muted"], COLOURS["line"]
MAIN, WARM, COOL = COLOURS["main"], COLOURS["warm"], COLOURS["cool"]

WIDTH = 360  # User units: on a narrow phone one is about a pixel.
FONT_SIZE = 12
SMALL_SIZE = 11

_NAMESPACE = "http://www.w3.org/2000/svg"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "review-shards",
    "font.size": SMALL_SIZE,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "legend.labelcolor": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
}


def new_axes(height: float) -> tuple[Figure, Axes]:
    """Return a figure of `WIDTH` x `height` user units, and its axes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        return figure, figure.add_subplot()


def svg_of(figure: Figure, title: str) -> str:
    """Return a figure as an SVG element for an HTML page; `title` is what is read aloud."""
    import matplotlib as mpl

    file = io.BytesIO()
    with mpl.rc_context(_STYLE):
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=metadata)
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(file.getvalue())
    for element in root.iter():
        # Each figure has a `figure_1`, but a page may hold an id only once. What would be clipped
        # lies inside the axes anyway.
        element.attrib.pop("id", None)
        element.attrib.pop("clip-path", None)
    for unused in root.findall(f"{{{_NAMESPACE}}}defs"):
        root.remove(unused)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib.update({"role": "img", "aria-label": title})
    return _styled(ElementTree.tostring(root, encoding="unicode"))


def _styled(svg: str) -> str:
    """Replace the stand-in colours, and leave the font's family to the page."""
    svg = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font-size: \1px", svg)
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
