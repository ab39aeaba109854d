"""An environment that has only what some extras of the project bring."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = "review-shards"
_INSTALLERS = {"pip", "setuptools"}
_FINDER = """import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in {hidden!r} else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


def hide_other_packages(folder: Path, extras: Iterable[str]) -> None:
    """Write a file that, with `folder` in PYTHONPATH, hides what the extras do not bring."""
    hidden = frozenset(other_modules(extras))
    (folder / "sitecustomize.py").write_text(_FINDER.format(hidden=hidden))


def other_modules(extras: Iterable[str]) -> list[str]:
    """Return the modules that are installed here, but not with the project and these extras."""
    brought: set[tuple[str, frozenset[str]]] = set()
    _follow(PROJECT, frozenset(extras), brought)
    names = {name for name, _ in brought} | {PROJECT} | _INSTALLERS
    return sorted(
        module
        for module, owners in metadata.packages_distributions().items()
        if names.isdisjoint(map(_normal, owners))
    )


def _follow(name: str, extras: frozenset[str], brought: set[tuple[str, frozenset[str]]]) -> None:
    """Add what a distribution requires with some extras, and what that requires."""
    for text in metadata.requires(name) or ():
        needed = Requirement(text)
        marker = needed.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            continue
        found = (_normal(needed.name), frozenset(needed.extras))
        if found not in brought and _is_installed(needed.name):
            brought.add(found)
            _follow(*found, brought)


def _is_installed(name: str) -> bool:
    return any(True for _ in metadata.distributions(name=name))


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
