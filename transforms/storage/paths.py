"""Paths and URLs: which file system they belong to, and one name for one place."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from transforms.storage.stores import filesystem_of

_DETOUR = re.compile(r"//|/\.\.?(?:/|$)")


def join(folder: str, *names: str) -> str:
    """Return a path below a folder, local or URL."""
    return "/".join([folder.rstrip("/"), *names])


def locate(path: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a path or URL, and its name there."""
    # fsspec takes any "::" for one URL inside another, but files may be called so.
    if "://" not in path:
        path = f"file://{path}"
        return LocalFileSystem(), _normal(LocalFileSystem._strip_protocol(path))
    return filesystem_of(path)


def _normal(path: str) -> str:
    """Return an absolute path without `.`, `..` and `//`, unless that would be another file."""
    if not _DETOUR.search(path):
        return path
    normal = os.path.normpath(path)
    # After a link to a folder, `..` is not the folder that holds the link.
    return normal if os.path.realpath(normal) == os.path.realpath(path) else path


def absolute_path(path: str) -> str:
    """Return a path that means the same in every working folder; a URL as it is."""
    return path if "://" in path else locate(path)[1]


def real_path(path: str) -> str:
    """Return the one name of a folder: absolute, links followed; a URL as it is listed."""
    filesystem, name = locate(path)
    if isinstance(filesystem, LocalFileSystem):
        return os.path.realpath(name)
    return str(filesystem.unstrip_protocol(name)).rstrip("/")


def is_link(path: str) -> bool:
    """Return True for a symbolic link of this machine's file system, whatever it leads to."""
    filesystem, name = locate(path)
    return isinstance(filesystem, LocalFileSystem) and Path(name).is_symlink()


def is_local(path: str) -> bool:
    """Return True for paths of this machine's file system."""
    return "://" not in path or path.startswith(("file://", "local://"))
