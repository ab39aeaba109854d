"""Rolling back: an earlier generation's rows become the newest generation."""

from __future__ import annotations

from dataclasses import replace

from transforms.functional.dataset.manifest import FORMAT_VERSION, Manifest
from transforms.functional.dataset.manifest_entries import Generation
from transforms.functional.errors import OutputError, UsageError
from transforms.storage.generations import (
    current_manifest,
    generation_numbers,
    generation_path,
    missing_shards,
    publish,
    read_manifest,
)
from transforms.storage.lease import Lease


def roll_back(held: Lease, number: int) -> Manifest:
    """Make a new generation that holds what an earlier one did, and return its manifest.

    Nothing is removed or written over: the manifest of the new generation is created, and
    `manifest.json` swapped, as at the end of a job. The generations in between stay, and can be
    rolled back to.

    Raises:
        UsageError: there is no such generation, or it is the newest.
        OutputError: a shard of it is gone, or the lease is lost.
    """
    output = held.output
    newest = current_manifest(output)
    there = generation_numbers(output)
    if number not in there:
        raise UsageError(
            f"{output} has no generation {number}, it has: {', '.join(map(str, there)) or 'none'}"
        )
    if newest is not None and number == newest.generation:
        raise UsageError(f"generation {number} is the newest one: there is nothing to roll back")
    target = read_manifest(output, generation_path(number))
    missing = missing_shards(output, target)
    if missing:
        raise OutputError(f"generation {number} cannot be rolled back to: {missing[0]} is gone")
    made = Generation(number=there[-1] + 1, inputs=0, splits=0)
    manifest = replace(
        target, generations=(*target.generations, made), format_version=FORMAT_VERSION
    )
    publish(output, manifest, held)
    return manifest
