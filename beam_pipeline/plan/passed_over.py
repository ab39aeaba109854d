"""Files in a folder that hold no reviews: what a hub snapshot or a saved dataset brings along.

They are passed over where they come with a folder, a glob or an archive; a file that `--input`
names is read. What is neither one of them nor of a known format is an error: it may hold reviews.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from beam_pipeline.plan.input_files import InputFile
from transforms import storage
from transforms.functional.errors import InputError, UsageError
from transforms.functional.readers.file_range import FileRange
from transforms.functional.unpacking.archive_paths import name_of
from transforms.storage.input_files import open_file

# What `datasets` writes: of a saved dataset, of a saved DatasetDict, and in snapshots of the hub.
_STATE, _INFO, _DICT, _INFOS = (
    "state.json",
    "dataset_info.json",
    "dataset_dict.json",
    "dataset_infos.json",
)
# Papers that go with data, by their names or endings.
_PAPERS = re.compile(
    r"(readme|licen[cs]e|notice|citation|copying)(\.(txt|rst|html|pdf))?"
    r"|.*\.(md|rst|cff|bib|py|ipynb|ya?ml|png|jpe?g|gif|svg|pdf)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What `--input` stands for.

    Attributes:
        files: The files to read.
        passed_over: Files that hold no reviews.
    """

    files: list[InputFile]
    passed_over: list[InputFile]


def without_papers(
    files: Iterable[InputFile], *, any_format: bool, all_subsets: bool = False
) -> Listing:
    """Divide the files of folders into those that are read, and those that are passed over.

    Args:
        files: What a folder, a glob or an archive holds, in order.
        any_format: True where `--input_format` says what all files are, whatever their names.
        all_subsets: True where all datasets of a saved DatasetDict are read.

    Raises:
        UsageError: a saved DatasetDict is among them, and one of its datasets has to be named.
        InputError: the state of a saved dataset cannot be read.
    """
    files = list(files)
    states: dict[str, InputFile] = {}
    for file in files:
        name = _name(file)
        if name == _DICT and not all_subsets:
            raise _is_several(file)
        if name in (_STATE, _INFO):
            states[storage.join(file.folder, name)] = file
    saved = {
        file.folder: _data_files(file)
        for file in states.values()
        if _name(file) == _STATE and storage.join(file.folder, _INFO) in states
    }
    read: list[InputFile] = []
    passed: list[InputFile] = []
    for file in files:
        names = saved.get(file.folder)
        reads = _may_hold_reviews(file, any_format) if names is None else _name(file) in names
        (read if reads else passed).append(file)
    return Listing(files=read, passed_over=passed)


def _name(file: InputFile) -> str:
    return posixpath.basename(name_of(file.path))


def _may_hold_reviews(file: InputFile, any_format: bool) -> bool:
    name = _name(file)
    return name not in (_INFO, _INFOS, _DICT) and (any_format or not _PAPERS.fullmatch(name))


def _data_files(state: InputFile) -> set[str]:
    """Return the names of a saved dataset's files; a cache of `datasets` may lie beside them."""
    try:
        return {file["filename"] for file in _content(state)["_data_files"]}
    except (KeyError, TypeError):
        raise InputError(
            f"{state.path}: names no _data_files, as save_to_disk does: save the dataset again, or "
            f"name its .arrow files with --input"
        ) from None


def _is_several(file: InputFile) -> UsageError:
    splits = [str(split) for split in _content(file).get("splits") or ()]
    example = splits[0] if splits else "SUBSET"
    return UsageError(
        f"{file.folder} is a saved DatasetDict with the subsets {', '.join(splits)}: name the one "
        f"to read, as in --input {file.folder}/{example}, or pass --subset_from_path for all"
    )


def _content(file: InputFile) -> Mapping[str, Any]:
    whole = FileRange(
        source=0, path=file.path, format="json", bytes=file.bytes, version=file.version
    )
    with open_file(whole) as stream:
        try:
            content = json.loads(stream.read())
        except ValueError as error:
            raise InputError(f"{file.path}: is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{file.path}: holds no JSON object")
    return content
