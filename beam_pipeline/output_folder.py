"""The files of a dataset by their names: what may be removed, and nothing else ever is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transforms import storage
from transforms.functional.errors import InputError
from transforms.functional.manifest import MANIFEST_NAME, Manifest
from transforms.uploads import abort_uploads

REPORT_NAME = "report.json"

_SHARD = r"(?:train|validation)/\d{7}-\d{4,}\.(?:arrow|parquet)"
_REJECTED = r"rejected/\d{7}-\d{4,}\.jsonl"
_TOKENIZER = r"tokenizer/(?:tokenizer|tokenizer_config|special_tokens_map)\.json"
_TOP = r"(?:manifest|report)\.json"
_FOLDERS = ("train", "validation", "rejected", "tokenizer")

# What a killed process leaves of an unfinished write (see `storage.write_atomic`).
_TEMPORARY = re.compile(r"^((?:\w+/)?)\.([\w.-]+)\.\d+-\d+\.tmp$")


def read_manifest(output: str) -> Manifest:
    """Return the manifest of a dataset.

    Raises:
        InputError: there is none, so there is no dataset.
    """
    try:
        return Manifest.loads(storage.read_bytes(storage.join(output, MANIFEST_NAME)))
    except FileNotFoundError:
        raise InputError(
            f"{output} has no {MANIFEST_NAME}: its job has not finished, or it is another folder"
        ) from None


def own_files(output: str) -> Iterator[str]:
    """Yield the paths, below the output, that only a job can have written."""
    for folder in ("", *_FOLDERS):
        for name in storage.list_files(storage.join(output, folder), recursive=False):
            path = f"{folder}/{name}" if folder else name
            if re.fullmatch(f"{_SHARD}|{_REJECTED}|{_TOKENIZER}|{_TOP}", _finished_name(path)):
                yield path


def remove_dataset(output: str) -> None:
    """Remove a dataset, the manifest first: from then on it does not exist."""
    abort_uploads(output)
    storage.remove(storage.join(output, MANIFEST_NAME))
    for path in own_files(output):
        storage.remove(storage.join(output, path))


def remove_rejected(output: str) -> None:
    """Remove the rejected records of an earlier run, and what it left of unfinished uploads."""
    abort_uploads(output)
    for path in own_files(output):
        if re.fullmatch(_REJECTED, path):
            storage.remove(storage.join(output, path))


def unnamed_files(output: str, manifest: Manifest) -> list[str]:
    """Return the shards that the manifest does not name, and what unfinished writes left."""
    named = {shard.path for shard in manifest.shards()}
    return [
        path
        for path in own_files(output)
        if _finished_name(path) != path or (re.fullmatch(_SHARD, path) and path not in named)
    ]


def remove_unnamed(output: str, manifest: Manifest) -> list[str]:
    """Remove what `unnamed_files` finds, and return it."""
    unnamed = unnamed_files(output, manifest)
    for path in unnamed:
        storage.remove(storage.join(output, path))
    return unnamed


def _finished_name(path: str) -> str:
    """Return the path that an unfinished write was for; any other path as it is."""
    found = _TEMPORARY.match(path)
    return found[1] + found[2] if found else path
