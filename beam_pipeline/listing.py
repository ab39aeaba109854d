"""From `--input` to a list of files: folders, globs and URLs, in an order that never varies."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from transforms import storage
from transforms.functional.errors import InputError, UsageError

# What tells one version of a file from the next, by the names that file systems give it.
_IDENTITY_KEYS = ("ETag", "etag", "md5Hash", "content_md5", "generation", "mtime", "LastModified")


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """One input file.

    Attributes:
        path: Absolute path, or URL.
        bytes: Size as stored.
        identity: What changes when the file does: its etag, or the time it was modified.
    """

    path: str
    bytes: int
    identity: str

    @property
    def folder(self) -> str:
        """The path of the folder that the file lies in."""
        return posixpath.dirname(self.path)


def list_inputs(patterns: Sequence[str]) -> list[InputFile]:
    """Return the files of all patterns: pattern by pattern, sorted by path, each file once.

    Inside folders and globs, names that begin with `.` or `_` are left out, as Hadoop and Spark do
    (`_SUCCESS`, `.crc`).

    Raises:
        UsageError: a pattern matches no file.
        InputError: a location cannot be listed.
    """
    files: dict[str, InputFile] = {}
    for pattern in patterns:
        try:
            matched = _match(pattern)
        except (OSError, ImportError, ValueError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"--input {pattern} cannot be listed: {why}") from error
        if not matched:
            raise UsageError(f"no input matches {pattern!r}: check the path, or quote the glob")
        for file in matched:
            files.setdefault(_one_name(file.path), file)
    return list(files.values())


def class_folders(files: Iterable[InputFile]) -> tuple[list[InputFile], list[InputFile]]:
    """Divide files into those of class folders, and the rest.

    A class folder is one without folders of input files below it, as `train/pos` in the aclImdb
    layout; `train/urls_pos.txt` and `README` lie higher up and are no reviews.
    """
    files = list(files)
    folders = {file.folder for file in files}
    inner = {parent for folder in folders for parent in _parents(folder)}
    inside = [file for file in files if file.folder not in inner]
    return inside, [file for file in files if file.folder in inner]


def _parents(folder: str) -> Iterable[str]:
    parent = posixpath.dirname(folder)
    while parent and parent != folder:
        yield parent
        folder, parent = parent, posixpath.dirname(parent)


def _one_name(path: str) -> str:
    """Return the same for `a/b` and `a/../a//b`; links to one file are different files."""
    folder, name = posixpath.split(path)
    return path if "://" in path else f"{_real_folder(folder)}/{name}"


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return posixpath.realpath(folder)


def _match(pattern: str) -> list[InputFile]:
    filesystem, path = storage.locate(pattern)
    if filesystem.isfile(path):
        return [_input_file(filesystem, path, filesystem.info(path))]
    if filesystem.isdir(path):
        return _folder(filesystem, path)
    if not any(char in path for char in "*?["):
        return []
    found: list[InputFile] = []
    root = path[: min(path.find(char) for char in "*?[" if char in path)]
    for name, info in sorted(filesystem.glob(path, detail=True).items()):
        if _is_hidden(name[len(posixpath.dirname(root)) :]):
            continue
        if info["type"] == "directory":
            found.extend(_folder(filesystem, name))
        else:
            found.append(_input_file(filesystem, name, info))
    return found


def _folder(filesystem: AbstractFileSystem, folder: str) -> list[InputFile]:
    listing = filesystem.find(folder, detail=True)
    return [
        _input_file(filesystem, name, info)
        for name, info in sorted(listing.items())
        if not _is_hidden(name[len(folder) :])
    ]


def _is_hidden(relative: str) -> bool:
    return any(name.startswith((".", "_")) for name in relative.split("/") if name)


def _input_file(filesystem: AbstractFileSystem, name: str, info: dict[str, Any]) -> InputFile:
    local = isinstance(filesystem, LocalFileSystem)
    if info.get("islink"):
        info = filesystem.info(name)  # A listing tells the time of the link, not of the file.
    if info["type"] != "file":
        raise UsageError(
            f"{name} is a link to a folder, or no regular file: give the folder as an --input of "
            f"its own, or take it away"
        )
    if name != name.encode("utf-8", "replace").decode():
        raise UsageError(f"the name {name!r} is not UTF-8, as the manifest is: rename the file")
    identity = next((f"{key}:{info[key]}" for key in _IDENTITY_KEYS if info.get(key)), "")
    return InputFile(
        path=name if local else filesystem.unstrip_protocol(name),
        bytes=int(info.get("size") or 0),
        identity=identity,
    )
