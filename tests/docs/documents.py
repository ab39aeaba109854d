"""The documents, and what they point at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.paths import ROOT

DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "deploy").glob("**/*.md"),
    ]
)

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FOLDERS = "transforms|beam_pipeline|training|tests|benchmarks|deploy|docs"
# A path in the text begins with one of our folders; `*` and NAME stand for any name.
_PATH = re.compile(rf"(?<![\w./-])((?:{_FOLDERS})/[\w./*-]*)")
_FILE = re.compile(r"`(\w+\.py)`")
_MODULE = re.compile(r"(?<![\w./-])((?:transforms|beam_pipeline|training|benchmarks)(?:\.\w+)+)")


def blocks_of(text: str) -> list[tuple[str, str]]:
    """Return (language, content) of each fenced block."""
    return _BLOCK.findall(text)


def links_of(text: str) -> list[str]:
    """Return the targets of the links, outside the fenced blocks."""
    return _LINK.findall(_BLOCK.sub("", text))


def anchors_of(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.*)$", _BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths_of(text: str) -> list[str]:
    """Return the paths of this repository that a text names."""
    return [path.rstrip(".") for path in _PATH.findall(text)]


def files_of(text: str) -> list[str]:
    """Return the Python files that a text names without a folder."""
    return _FILE.findall(text)


def modules_of(text: str) -> list[str]:
    """Return the modules of this repository, and members of them, that a text names."""
    return [name for name in _MODULE.findall(text) if not name.endswith((".py", ".md"))]


def python_blocks() -> Iterator[tuple[Path, str]]:
    """Yield document and code of each block of Python."""
    for path in DOCUMENTS:
        for language, code in blocks_of(path.read_text("utf-8")):
            if language == "python":
                yield path, code
