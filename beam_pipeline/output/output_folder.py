"""The files of a dataset by their names: what may be removed or replaced, and nothing else ever is.

Config, report and dataset card are never removed, only replaced once there is a new dataset.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import PurePosixPath

import pyarrow.compute as pc

from transforms import storage
from transforms.functional.dataset.card import CARD_NAME, card_text
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest
from transforms.functional.errors import InputError, OutputError
from transforms.storage.generations import (
    MANIFESTS,
    figures_path,
    generation_numbers,
    generation_path,
    read_manifest,
    texts_path,
)
from transforms.storage.lease import LEASE_NAME
from transforms.storage.writing import abort_uploads

REPORT_NAME = "report.json"
REPORT_PAGE_NAME = "report.html"
CONFIG_NAME = "config.yaml"

# Without a folder for their generation: format version 1.
_SHARD = r"(?:train|validation)/(?:\d{6}/)?\d{7}-\d{4,}\.(?:arrow|parquet)"
_REJECTED = r"rejected/(?:(\d{6})/)?(\d{7})-\d{4,}\.jsonl"
_LIST = r"manifests/\d{6}-(?:train|validation|inputs)(?:-[0-9a-f]{16})?\.parquet"
# What is kept of each generation: its manifest, and what its run said and counted.
_GENERATION = r"manifests/(\d{6})(?:\.json|-(?:summary|figures)\.json|-texts\.parquet)"
_NOTE = r"manifests/\d{6}-parts/\d{7}-\d{4,}\.npz"
_PLAN = r"plan/(?:[0-9a-f]{16}/)?(?:splits|inputs)-[0-9a-f]{16}\.parquet"
_TOKENIZER = r"(tokenizer(?:/\d{6})?)/(?:tokenizer|tokenizer_config|special_tokens_map)\.json"
# Which generations were removed on purpose.
_REMOVED_LIST = f"{MANIFESTS}/removed.json"
_MANIFESTS = r"manifest\.json|manifests/removed\.json"
# In the order in which they go when a dataset is removed: while a manifest is there, the next run
# knows that more has to go.
_FOLDERS = ("train", "validation", "rejected", "tokenizer", "plan", "manifests")
_OWN = "|".join((_SHARD, _REJECTED, _LIST, _GENERATION, _NOTE, _PLAN, _TOKENIZER, _MANIFESTS))
_WRITTEN = (MANIFEST_NAME, REPORT_NAME, REPORT_PAGE_NAME, CONFIG_NAME, CARD_NAME, LEASE_NAME)

_logger = logging.getLogger(__name__)

# What a killed process leaves of an unfinished write (see `storage.write_atomic`).
_TEMPORARY = re.compile(r"^((?:\w+/)*)\.([\w.-]+)\.\d+-\d+\.tmp$")


def own_files(output: str) -> Iterator[str]:
    """Yield the paths, below the output, that only a job can have written."""
    top = storage.list_files(output, recursive=False)
    below = (
        f"{folder}/{name}"
        for folder in _FOLDERS
        if not storage.is_link(storage.join(output, folder))
        for name in storage.list_files(storage.join(output, folder))
    )
    for path in (*top, *below):
        unfinished = _TEMPORARY.match(path)
        finished = unfinished[1] + unfinished[2] if unfinished else path
        if re.fullmatch(_OWN, finished) or (finished in _WRITTEN and path != finished):
            yield path


def is_foreign(path: str, is_ours: Callable[[bytes], bool]) -> bool:
    """Return True where a file is there that no job wrote."""
    content = storage.read_if_there(path)
    return content is not None and not is_ours(content)


def write_own(path: str, data: bytes, is_ours: Callable[[bytes], bool]) -> bool:
    """Write or replace a file of a job; where somebody's own is there, say so and return False."""
    if is_foreign(path, is_ours):
        _logger.warning(
            "%s was not written by a job and stays as it is", storage.mask_secrets(path)
        )
        return False
    storage.write_atomic(path, data)
    return True


def write_card(output: str, manifest: Manifest | None) -> None:
    """Write or renew the card of a dataset; one that no job wrote is left as it is, and said.

    Args:
        manifest: The dataset; None while there is none.
    """
    path = storage.join(output, CARD_NAME)
    content = storage.read_if_there(path)
    old = None if content is None else content.decode(errors="replace")
    text = card_text(manifest, old)
    if text is None:
        _logger.warning(
            "%s was not written by a job and stays as it is, so load_dataset(%r) may read rows "
            "that are not committed: move it away, and the next run writes a dataset card there",
            storage.mask_secrets(path),
            storage.mask_secrets(output),
        )
    elif text != old:
        storage.write_atomic(path, text.encode())


def check_no_links(output: str) -> None:
    """Raise `OutputError` where a folder of a dataset is a link: what it leads to is not ours."""
    for folder in _FOLDERS:
        path = storage.join(output, folder)
        for link in [path] if storage.is_link(path) else storage.linked_folders(path):
            raise OutputError(
                f"{link} is a symbolic link, which is not followed: put the files themselves there"
            )


def remove_dataset(output: str) -> None:
    """Remove a dataset, the manifest first: from then on it does not exist."""
    abort_uploads(output)
    storage.remove(storage.join(output, MANIFEST_NAME))
    _remove(output, list(own_files(output)))


def remove_rejected(output: str, generation: int) -> None:
    """Remove what an unfinished run left of rejected records, figures and unfinished uploads.

    Args:
        generation: Number of the generation that the run was to make.
    """
    abort_uploads(output)
    for path in (figures_path(generation), texts_path(generation)):
        storage.remove(storage.join(output, path))
    for path in own_files(output):
        found = re.fullmatch(_REJECTED, path)
        if found and found[1] and int(found[1]) == generation:
            storage.remove(storage.join(output, path))


def unnamed_files(output: str, newest: Manifest, forgotten: Collection[int] = ()) -> list[str]:
    """Return the files of a job that no manifest names, left by old runs; manifests first.

    The newest manifest names all that the earlier generations it builds on name, and more. Others
    are kept, too, that were rolled back. Rejected records are those of their generations.

    Args:
        forgotten: Numbers of generations whose manifests are to go.
    """
    others = [n for n in rolled_back(output, newest) if n not in forgotten]
    manifests = [newest, *(read_manifest(output, generation_path(n)) for n in others)]
    named = {path for manifest in manifests for path in manifest.shard_paths()}
    lists = (files for manifest in manifests for files in manifest.lists.values())
    named.update(file.path for files in lists for file in files)
    numbers = {generation.number for m in manifests for generation in m.generations}
    tokenizers = {manifest.tokenizer.folder for manifest in manifests}
    n_flat_splits = max(map(_splits_without_folder, manifests))

    def is_named(path: str) -> bool:
        if re.fullmatch(f"{_SHARD}|{_LIST}", path):
            return path in named
        if found := re.fullmatch(_GENERATION, path):
            return int(found[1]) in numbers.difference(forgotten)
        if found := re.fullmatch(_REJECTED, path):
            return int(found[1]) in numbers if found[1] else int(found[2]) < n_flat_splits
        if found := re.fullmatch(_TOKENIZER, path):
            return found[1] in tokenizers
        return re.fullmatch(_MANIFESTS, path) is not None

    unnamed = [path for path in own_files(output) if not is_named(path)]
    return sorted(unnamed, key=lambda path: not path.startswith(MANIFESTS))


def rolled_back(output: str, newest: Manifest) -> list[int]:
    """Return the numbers of generations that are there, but that the newest does not build on.

    What is older than its first one was overwritten, and is on its way out.
    """
    numbers = [generation.number for generation in newest.generations]
    there = generation_numbers(output)
    return [n for n in there if numbers[0] < n < numbers[-1] and n not in numbers]


def _splits_without_folder(manifest: Manifest) -> int:
    """Return how many splits are of generations that format version 1 wrote: the first ones."""
    if manifest.format_version == 1:
        return manifest.n_splits()
    last = -1
    for shards in manifest.subsets.values():
        flat = shards.where(pc.equal(pc.count_substring(shards.column("path"), "/"), 1))
        last = max([last, *flat.column("split").to_pylist()])
    n_splits = 0
    for generation in manifest.generations:
        if n_splits > last:
            break
        n_splits += generation.splits
    return n_splits


def remove_unnamed(output: str, newest: Manifest, forgotten: Collection[int] = ()) -> list[str]:
    """Remove what `unnamed_files` finds, and return it."""
    unnamed = unnamed_files(output, newest, forgotten)
    _remove(output, unnamed)
    return unnamed


def _remove(output: str, paths: Sequence[str]) -> None:
    """Remove files, and the folders that they leave empty."""
    for path in paths:
        storage.remove(storage.join(output, path))
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents} - {"."}
    for folder in sorted(folders, reverse=True):  # Those inside come first.
        storage.remove_empty_folder(storage.join(output, folder))


def removed_generations(output: str) -> set[int]:
    """Return the numbers of the generations whose manifests were removed on purpose.

    Raises:
        InputError: the file that lists them is damaged.
    """
    try:
        numbers = json.loads(storage.read_bytes(storage.join(output, _REMOVED_LIST)))["generations"]
        return set(map(int, numbers))
    except FileNotFoundError:
        return set()
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{storage.join(output, _REMOVED_LIST)} is damaged: remove it") from None


def note_removed(output: str, numbers: Collection[int]) -> None:
    """Write down that some generations are removed on purpose, so that nobody misses them."""
    known = sorted(removed_generations(output).union(numbers))
    text = json.dumps({"generations": known}) + "\n"
    storage.write_atomic(storage.join(output, _REMOVED_LIST), text.encode())
