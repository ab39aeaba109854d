"""What a manifest says twice must agree: with itself, and with the manifests before it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import TokenizerEntry
from transforms.functional.errors import LedgerError
from transforms.functional.reviews.reviews import PartKey
from transforms.functional.wording import counted


def contradictions(document: Mapping[str, Any], manifest: Manifest) -> Iterator[str]:
    """Yield what a manifest says that its own entries do not bear out.

    Args:
        document: The manifest as parsed from JSON.
        manifest: The same, as loaded.
    """
    yield from _wrong_sums(document, json.loads(manifest.dumps()))
    for name in ("task", "max_length"):
        value, made_with = getattr(manifest, name), manifest.config.get(name)
        if made_with is not None and value != made_with:
            yield f"{name} is {value}, but the shards were made with --{name} {made_with}"
    try:
        manifest.ledger.check()
    except LedgerError as error:
        yield str(error)
    for name in ("tokens", "reviews"):
        said = getattr(manifest.ledger, name).written
        held = sum(shards.total(name) for shards in manifest.subsets.values())
        if said != held:
            yield f"the ledger has {said} {name} written, the shards have {held}"
    yield from _wrong_generations(manifest)
    for shard in manifest.shards():
        # The file's name repeats its numbers.
        if PurePosixPath(shard.path).stem != str(PartKey(split=shard.split, part=shard.part)):
            yield f"{shard.path} is listed as part {shard.part} of split {shard.split}"


def _wrong_sums(document: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields that come out differently when the manifest is written again."""
    for subset, said in document["splits"].items():
        for name in ("rows", "tokens"):
            summed = again["splits"][subset][name]
            if said.get(name) != summed:
                yield f"{subset} has {said.get(name)} {name}, its shards have {summed}"
    for name in again.keys() & document.keys() - {"splits"}:
        if document[name] != again[name]:
            yield f"{name} is {document[name]}, but its entries give {again[name]}"


def _wrong_generations(manifest: Manifest) -> Iterator[str]:
    numbers = [generation.number for generation in manifest.generations]
    if any(later <= number for number, later in pairwise(numbers)):
        yield f"the generations {numbers} are not in order"
    n_inputs = sum(generation.inputs for generation in manifest.generations)
    if n_inputs != len(manifest.inputs):
        yield (
            f"the generations have {counted(n_inputs, 'input')}, but {len(manifest.inputs)} "
            f"are listed"
        )


def tokenizer_contradictions(said: TokenizerEntry, found: TokenizerEntry) -> Iterator[str]:
    """Yield what a manifest says of its tokenizer that the tokenizer's files do not."""
    for name in ("vocab_size", "special_token_ids", "prefix", "suffix"):
        one, other = getattr(said, name), getattr(found, name)
        if one != other:
            yield f"{name} is {one}, but the tokenizer has {other}"


def no_longer_the_same(earlier: Manifest, later: Manifest) -> Iterator[str]:
    """Yield what a later generation changed of an earlier one, where it may only add."""
    for name in ("fingerprint", "task", "max_length"):
        if getattr(earlier, name) != getattr(later, name):
            yield f"its {name} is another one than that of generation {later.generation}"
    kinds: dict[str, tuple[Sequence[Any], Sequence[Any]]] = {
        "inputs": (earlier.inputs, later.inputs),
        "generations": (tuple(earlier.generations), tuple(later.generations)),
    }
    for subset, shards in earlier.subsets.items():
        kinds[f"shards of {subset}"] = shards, later.subsets.get(subset, ())
    for name, (before, now) in kinds.items():
        if now[: len(before)] != before:
            yield f"its {name} are not the first ones of generation {later.generation}"
