"""From `--input` to a list of files: folders, globs and URLs, in an order that never varies."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import glob_translate

from beam_pipeline.plan.input_files import InputFile
from beam_pipeline.plan.passed_over import Listing, without_papers
from transforms import storage
from transforms.functional.errors import InputError, ReviewShardsError, UsageError
from transforms.functional.unpacking.archive_paths import (
    archive_kind,
    member_path,
    name_of,
    split_member,
)
from transforms.functional.wording import counted
from transforms.storage.input_files import list_archive
from transforms.storage.stores import ask, reason


def list_inputs(
    patterns: Sequence[str],
    *,
    may_be_empty: bool = False,
    any_format: bool = False,
    all_subsets: bool = False,
) -> Listing:
    """Return the files of all patterns: pattern by pattern, sorted by path, each file once.

    An archive (`.tar.gz`, `.zip`) stands for the files in it, in its own order. Inside folders,
    globs and archives, names that begin with `.` or `_` are left out, as Hadoop and Spark do
    (`_SUCCESS`, `.crc`), and so are files that hold no reviews (`README.md`; see `passed_over`).

    Args:
        patterns: Files, folders, globs.
        may_be_empty: Take a folder that is there and holds no file, or a glob inside one, for what
            it is. A store knows no empty folders.
        any_format: True where `--input_format` says what all files are, whatever their names.
        all_subsets: True where all datasets of a saved DatasetDict are read.

    Raises:
        UsageError: a pattern matches no file.
        InputError: a location cannot be listed.
    """
    files: dict[str, InputFile] = {}
    passed: dict[str, InputFile] = {}
    for pattern in patterns:
        found = _listed(pattern, any_format, all_subsets)
        if not found.files and not (may_be_empty and _is_in_a_folder(pattern)):
            raise _nothing_to_read(pattern, found.passed_over)
        for file in found.files:
            files.setdefault(one_name(file.path), file)
        for file in found.passed_over:
            passed.setdefault(one_name(file.path), file)
    return Listing(
        files=list(files.values()),
        passed_over=[file for name, file in passed.items() if name not in files],
    )


def _listed(pattern: str, any_format: bool, all_subsets: bool) -> Listing:
    """Return what one pattern stands for; what it names itself is read, whatever it is."""
    try:
        matched = _match(pattern)
        name = posixpath.basename(name_of(pattern))
        if len(matched) == 1 and posixpath.basename(name_of(matched[0].path)) == name:
            return Listing(files=matched, passed_over=[])
        return without_papers(matched, any_format=any_format, all_subsets=all_subsets)
    except ReviewShardsError:
        raise
    except Exception as error:  # Each store's library has errors of its own.
        named = getattr(error, "filename", None)
        why = f"{named}: {reason(error)}" if named else reason(error)
        raise InputError(f"--input {pattern} cannot be listed: {why}") from error


def _nothing_to_read(pattern: str, passed_over: Sequence[InputFile]) -> UsageError:
    if passed_over:
        return UsageError(
            f"{pattern!r} holds no reviews, only {counted(len(passed_over), 'file')} such as "
            f"{passed_over[0].path}: check the path, or name that file itself with --input"
        )
    return UsageError(f"no input matches {pattern!r}: check the path, or quote the glob")


def _is_in_a_folder(pattern: str) -> bool:
    """Return True for a folder that is there, and for a glob inside one."""
    folder = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    if folder != pattern:
        folder = posixpath.dirname(folder) or "."
    info = storage.info_of(folder)
    return info is not None and info["type"] == "directory"


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


def one_name(path: str) -> str:
    """Return the same for `a/b` and `a/../a//b`; links to one file are different files."""
    folder, name = posixpath.split(path)
    return path if "://" in path else f"{_real_folder(folder)}/{name}"


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return posixpath.realpath(folder)


def _match(pattern: str) -> list[InputFile]:
    chained = split_member(pattern)
    if chained:
        _, archive, wanted = chained
        return _members(_match(archive), re.compile(_member_pattern(wanted)))
    filesystem, path = storage.locate(pattern)
    info = storage.info_of(pattern)
    if info is not None and info["type"] == "directory":
        return _folder(filesystem, path)
    if info is not None:
        return _input_files(filesystem, path, info)
    if not any(char in path for char in "*?["):
        return []
    found: list[InputFile] = []
    root = path[: min(path.find(char) for char in "*?[" if char in path)]
    for name, info in sorted(ask(filesystem, "glob", path, detail=True).items()):
        if _is_hidden(name[len(posixpath.dirname(root)) :]):
            continue
        if info["type"] == "directory":
            found.extend(_folder(filesystem, name))
        else:
            found.extend(_input_files(filesystem, name, info))
    return found


def _folder(filesystem: AbstractFileSystem, folder: str) -> list[InputFile]:
    listing = ask(filesystem, "find", folder, detail=True)
    return [
        file
        for name, info in sorted(listing.items())
        if not _is_hidden(name[len(folder) :])
        for file in _input_files(filesystem, name, info)
    ]


def _input_files(
    filesystem: AbstractFileSystem, name: str, info: dict[str, Any]
) -> list[InputFile]:
    """Return a file, or the files in it where it is an archive."""
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
    file = InputFile(
        path=name if local else filesystem.unstrip_protocol(name),
        bytes=int(info.get("size") or 0),
        identity=storage.identity_of(info),
        version=storage.local_version(Path(name).stat()) if local else storage.version_of(info),
    )
    return [file] if archive_kind(name) is None else _members([file], None)


def _members(files: Iterable[InputFile], wanted: re.Pattern[str] | None) -> list[InputFile]:
    """Return the files in archives; `files` that come out of archives already are taken as such."""
    found = []
    for file in files:
        member = split_member(file.path)
        if member is not None:
            if wanted is None or wanted.fullmatch(member[2]):
                found.append(file)
            continue
        kind = archive_kind(file.path)
        if kind is None:
            raise UsageError(
                f"{file.path} is no archive: its name ends in neither .tar.gz nor .zip"
            )
        found += [
            replace(file, path=member_path(kind, file.path, name), bytes=n_bytes)
            for name, n_bytes in list_archive(file.path, file.version)
            if not _is_hidden(name)
        ]
    return found


def _member_pattern(wanted: str) -> str:
    """Return a regular expression for a member, a folder of members, or a glob; all for nothing."""
    wanted = wanted.strip("/")
    if not wanted:
        return ".*"
    if any(char in wanted for char in "*?["):
        return f"(?s:{glob_translate(wanted)})"
    return re.escape(wanted) + "(?:/.*)?"


def _is_hidden(relative: str) -> bool:
    return any(name.startswith((".", "_")) for name in relative.split("/") if name)
