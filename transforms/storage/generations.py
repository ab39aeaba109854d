"""The manifests of an output: one for each generation, and `manifest.json`, a copy of the newest.

`manifests/000003.json` is created, never replaced: of two runs that add to generation 2, one
succeeds. `manifest.json` is written after it, last of all, and atomically. A reader who wants a
dataset that stays as it is names a generation; everybody else reads `manifest.json`.
"""

from __future__ import annotations

import posixpath
import re

from transforms import storage
from transforms.functional.dataset.commit import move_to_lists
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest
from transforms.functional.errors import InputError, OutputError, UsageError
from transforms.storage.lease import Lease

MANIFESTS = "manifests"


def generation_path(number: int) -> str:
    """Return the path of a generation's manifest below the output."""
    return f"{MANIFESTS}/{number:06d}.json"


def texts_path(number: int) -> str:
    """Return the path, below the output, of the hashes of a generation's texts."""
    return f"{MANIFESTS}/{number:06d}-texts.parquet"


def notes_path(number: int) -> str:
    """Return the folder, below the output, of what is counted of each part while a job runs."""
    return f"{MANIFESTS}/{number:06d}-parts"


def split_manifest_path(path: str) -> tuple[str, str]:
    """Return the folder of a dataset, and the path of one of its manifests below it.

    Args:
        path: The folder or URL of a dataset, for its newest manifest; or one of its manifests.
            `shards` means `manifest.json` in it; `shards/manifests/000003.json` a generation.
    """
    if not path.endswith(".json"):
        return path, MANIFEST_NAME
    folder, name = posixpath.split(path)
    parent, last = posixpath.split(folder)
    if last == MANIFESTS:
        folder, name = parent, f"{last}/{name}"
    return folder or ".", name


def figures_path(number: int) -> str:
    """Return the path, below the output, of what a generation's workers counted for its report."""
    return f"{MANIFESTS}/{number:06d}-figures.json"


def generation_numbers(output: str) -> list[int]:
    """Return the numbers of the generations whose manifests are there, in order."""
    names = storage.list_files(storage.join(output, MANIFESTS), recursive=False)
    found = (re.fullmatch(r"(\d{6})\.json", name) for name in names)
    return sorted(int(match[1]) for match in found if match)


def read_manifest(output: str, path: str = MANIFEST_NAME) -> Manifest:
    """Return the manifest of a dataset.

    Args:
        path: The manifest's path below it; the newest one's by default.

    Raises:
        InputError: there is none, so there is no dataset; or it is damaged, or of a newer format.
    """

    def read(name: str) -> bytes:
        return storage.read_bytes(storage.join(output, name))

    try:
        return Manifest.loads(read(path), read, path)
    except FileNotFoundError:
        raise InputError(
            f"{output} has no {path}: its job has not finished, or it is another folder"
        ) from None
    except InputError as error:
        raise InputError(f"{storage.mask_secrets(output)}: {error}") from None


def read_generation(output: str, generation: int | None = None) -> tuple[str, str, Manifest]:
    """Return the folder of a dataset, the path of the manifest that was meant, and the manifest.

    Args:
        output: Folder or URL of the dataset, or one of its manifests.
        generation: Number of a generation; None for the manifest that `output` says.

    Raises:
        UsageError: there is no such generation, or both arguments choose one.
        InputError: there is no dataset, or the manifest is damaged.
    """
    folder, path = split_manifest_path(output)
    if generation is not None:
        if path != MANIFEST_NAME:
            raise UsageError(
                f"generation {generation} and {path} both name a generation: give one of them"
            )
        path = generation_path(generation)
        there = generation_numbers(folder)
        if generation not in there:
            numbers = ", ".join(map(str, there)) or "none"
            raise UsageError(f"{folder} has no generation {generation}, it has: {numbers}")
    return folder, path, read_manifest(folder, path)


def find_manifest(output: str) -> Manifest | None:
    """Return the manifest of the newest generation, None where there is no `manifest.json`."""
    is_there = storage.exists(storage.join(output, MANIFEST_NAME))
    return newest_manifest(output) if is_there else None


def standing_manifest(output: str) -> Manifest | None:
    """Return the manifest of what a new dataset replaces, None where it is none or damaged."""
    try:
        return find_manifest(output)
    except InputError:
        return None


def next_generation(output: str) -> int:
    """Return a number that no generation of an output has.

    Raises:
        OutputError: `manifest.json` is no manifest, and no generation has one.
    """
    numbers = generation_numbers(output)
    standing = standing_manifest(output)
    path = storage.join(output, MANIFEST_NAME)
    if standing is None and not numbers and storage.exists(path):
        raise OutputError(
            f"{path} is no manifest of a dataset: move it away, or choose another --output"
        )
    return max([0, *numbers, standing.generation if standing else 0]) + 1


def newest_manifest(output: str) -> Manifest:
    """Return the manifest of the newest generation, also of one whose run died before it ended.

    Raises:
        InputError: there is no `manifest.json`, so there is no dataset.
    """
    manifest = read_manifest(output)
    return _later(output, manifest) or manifest


def _later(output: str, manifest: Manifest) -> Manifest | None:
    """Return the newest generation, where it is later than a manifest."""
    numbers = generation_numbers(output)
    if numbers[-1:] > [manifest.generation]:
        return read_manifest(output, generation_path(numbers[-1]))
    return None


def current_manifest(output: str) -> Manifest | None:
    """Return the newest manifest, None where there is no dataset, for a run that will change it.

    A run that died between its generation and `manifest.json` is brought to its end, and a lost
    `manifest.json` is written again. Nothing is removed.

    Raises:
        OutputError: `manifest.json` is lost, and so are shards that the newest generation names.
    """
    if not storage.exists(storage.join(output, MANIFEST_NAME)):
        return _restored(output)
    manifest = read_manifest(output)
    later = _later(output, manifest)
    if later is not None:
        publish(output, later)
    return later or manifest


def _restored(output: str) -> Manifest | None:
    """Write a lost `manifest.json` again from the newest generation, and return it."""
    numbers = generation_numbers(output)
    if not numbers:
        return None
    newest = generation_path(numbers[-1])
    manifest = read_manifest(output, newest)
    missing = missing_shards(output, manifest)
    if missing:
        raise OutputError(
            f"{output} has {newest}, but neither {MANIFEST_NAME} nor {missing[0]}, which it names: "
            f"put them back, choose another --output, or start over with --overwrite"
        )
    publish(output, manifest)
    return manifest


def missing_shards(output: str, manifest: Manifest) -> list[str]:
    """Return the paths of shards that a manifest names and that are gone."""
    there = {
        storage.join(subset, name)
        for subset in manifest.subsets
        for name in storage.list_files(storage.join(output, subset))
    }
    return [path for path in manifest.shard_paths() if path not in there]


def publish(output: str, manifest: Manifest, lease: Lease | None = None) -> None:
    """Make a manifest the newest generation.

    Args:
        lease: The right to change the output; None where an engine runs the job later.

    Raises:
        OutputError: another run has made this generation meanwhile, or the lease is lost.
    """
    manifest, lists = move_to_lists(manifest, MANIFESTS)
    for path, data in lists.items():
        storage.create(storage.join(output, path), data)
    data = manifest.dumps().encode()
    if lease is not None:
        lease.check()
    if not storage.create(storage.join(output, generation_path(manifest.generation)), data):
        raise OutputError(
            f"another run has finished generation {manifest.generation} of {output} meanwhile: "
            f"start the job again, to go on from there"
        )
    # From here on the generation is committed: who comes next brings it to its end.
    if generation_numbers(output)[-1:] == [manifest.generation]:
        storage.write_atomic(storage.join(output, MANIFEST_NAME), data)


def restore_generation(output: str, manifest: Manifest) -> None:
    """Create the newest generation's manifest again, which is lost, from `manifest.json`."""
    data = storage.read_bytes(storage.join(output, MANIFEST_NAME))
    storage.create(storage.join(output, generation_path(manifest.generation)), data)
