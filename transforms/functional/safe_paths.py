"""Paths that other files name: none may lead out of its folder."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.functional.errors import InputError


def leaves_folder(path: str) -> bool:
    """Return True for a path that is not surely below the folder that it is meant for.

    Absolute paths, drive letters, URLs, backslashes (a separator on Windows), `..` and empty or
    NUL-holding names are all of them refused: a path in a manifest or an archive needs none.
    """
    names = path.split("/")
    return (
        not path
        or path.startswith("/")
        or "\\" in path
        or "\0" in path
        or "://" in path
        or ":" in names[0]
        or ".." in names
    )


def check_inside(paths: Iterable[str], where: str) -> None:
    """Raise `InputError` for the first path that leaves its folder."""
    for path in paths:
        if not isinstance(path, str) or leaves_folder(path):
            raise InputError(
                f"{where} names {path!r}, which lies outside the dataset: somebody has changed "
                f"it; nothing was read or removed there"
            )
