"""The files of a dataset by their names: what may be removed, and nothing else ever is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transforms import storage
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest
from transforms.storage.lease import LEASE_NAME
from transforms.storage.uploads import abort_uploads

REPORT_NAME = "report.json"
REPORT_PAGE_NAME = "report.html"
CONFIG_NAME = "config.yaml"

_SHARD = r"(?:train|validation)/\d{7}-\d{4,}\.(?:arrow|parquet)"
_REJECTED = r"rejected/(\d{7})-\d{4,}\.jsonl"
_LIST = r"manifests/\d{6}-(?:train|validation|inputs)\.parquet"
_GENERATION = r"manifests/\d{6}\.json"
_PLAN = r"plan/(?:splits|inputs)-[0-9a-f]{16}\.parquet"
_TOKENIZER = r"tokenizer/(?:tokenizer|tokenizer_config|special_tokens_map)\.json"
_TOP = r"(?:manifest|report)\.json|report\.html|config\.yaml"
_FOLDERS = ("train", "validation", "rejected", "tokenizer", "manifests", "plan")
_OWN = "|".join((_SHARD, _REJECTED, _LIST, _GENERATION, _PLAN, _TOKENIZER, _TOP))

# What a killed process leaves of an unfinished write (see `storage.write_atomic`).
_TEMPORARY = re.compile(r"^((?:\w+/)?)\.([\w.-]+)\.\d+-\d+\.tmp$")


def own_files(output: str) -> Iterator[str]:
    """Yield the paths, below the output, that only a job can have written."""
    for folder in ("", *_FOLDERS):
        for name in storage.list_files(storage.join(output, folder), recursive=False):
            path = f"{folder}/{name}" if folder else name
            finished = _finished_name(path)
            if re.fullmatch(_OWN, finished) or (finished == LEASE_NAME and path != LEASE_NAME):
                yield path


def remove_dataset(output: str) -> None:
    """Remove a dataset, the manifest first: from then on it does not exist."""
    abort_uploads(output)
    storage.remove(storage.join(output, MANIFEST_NAME))
    for path in own_files(output):
        storage.remove(storage.join(output, path))


def remove_rejected(output: str, first_split: int) -> None:
    """Remove the rejected records of an unfinished run, and what it left of unfinished uploads.

    Args:
        output: Folder or URL of the dataset.
        first_split: Number of its first split; those below are of finished generations.
    """
    abort_uploads(output)
    for path in own_files(output):
        if _rejected_from(path, first_split):
            storage.remove(storage.join(output, path))


def unnamed_files(output: str, manifest: Manifest) -> list[str]:
    """Return the shards and lists that the manifest does not name, and what is left of old runs.

    The newest manifest names what all earlier generations do, and more; rejected records of later
    splits are of a run that has failed.
    """
    named = set(manifest.shard_paths())
    named.update(file.path for files in manifest.lists.values() for file in files)
    return [
        path
        for path in own_files(output)
        if _finished_name(path) != path
        or re.fullmatch(_PLAN, path)
        or (re.fullmatch(f"{_SHARD}|{_LIST}", path) and path not in named)
        or _rejected_from(path, manifest.n_splits())
    ]


def remove_unnamed(output: str, manifest: Manifest) -> list[str]:
    """Remove what `unnamed_files` finds, and return it."""
    unnamed = unnamed_files(output, manifest)
    for path in unnamed:
        storage.remove(storage.join(output, path))
    return unnamed


def _rejected_from(path: str, first_split: int) -> bool:
    """Return True for rejected records of a split, or of one behind it."""
    found = re.fullmatch(_REJECTED, path)
    return found is not None and int(found[1]) >= first_split


def _finished_name(path: str) -> str:
    """Return the path that an unfinished write was for; any other path as it is."""
    found = _TEMPORARY.match(path)
    return found[1] + found[2] if found else path
