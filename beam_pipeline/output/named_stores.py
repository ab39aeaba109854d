"""Which stores a repair may ask: the output's own, and what the user named.

A manifest may come from anywhere. Who wrote it chose the URLs in it, and may not choose by them
what this machine asks with its own credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from transforms import storage
from transforms.functional.dataset.manifest import MANIFEST_NAME
from transforms.functional.errors import InputError
from transforms.functional.unpacking.archive_paths import stored_path


def check_named(paths: Iterable[str], output: str, named: Sequence[str]) -> None:
    """Raise `InputError` for the first path that lies in a store which nobody named.

    Args:
        paths: Paths, URLs and globs of a manifest.
        named: Files, folders, globs and URLs that the user gave.
    """
    for path in paths:
        place = stored_path(path)
        if _store_of(place) is None or not (
            _store_of(place) == _store_of(output)
            or any(_is_below(place, stored_path(given)) for given in named)
        ):
            raise InputError(
                f"{MANIFEST_NAME} of {output} names {path}, which lies in a store that you did not "
                f"name: pass --input with its folder, if you trust it"
            )


def _store_of(path: str) -> str | None:
    """Return scheme and host or bucket, nothing for this machine; None for a URL in another URL."""
    scheme, found, rest = path.partition("://")
    if not found:
        return ""
    if "::" in path:
        return None
    return "" if scheme in ("file", "local") else f"{scheme}://{rest.split('/')[0].lower()}"


def _is_below(path: str, given: str) -> bool:
    """Return True for what was given, and for what lies in it or matches its folder."""
    folder = re.split(r"[*?\[]", given, maxsplit=1)[0]
    if folder != given:
        folder = folder.rpartition("/")[0]
    if "://" not in folder:
        folder = storage.locate(folder)[1]
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")
