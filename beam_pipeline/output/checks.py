"""What is wrong with a dataset: its manifests, its tokenizer, its shards, and what lies beside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from beam_pipeline.output.output_folder import own_files, removed_generations, unnamed_files
from beam_pipeline.plan.tokenizer_source import load_dataset_tokenizer
from transforms import storage
from transforms.functional.dataset.contradictions import (
    contradictions,
    no_longer_the_same,
    tokenizer_contradictions,
)
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest, fingerprint_of
from transforms.functional.dataset.manifest_entries import SUBSETS, ShardEntry
from transforms.functional.dataset.receipts import COUNTS, FINGERPRINT
from transforms.functional.dataset.shards import content_sha256, read_shard
from transforms.functional.errors import ReviewShardsError
from transforms.functional.wording import counted
from transforms.storage.generations import generation_numbers, generation_path, read_manifest
from transforms.storage.lease import LEASE_NAME


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with a file of a dataset.

    Attributes:
        path: The file, below the output.
        what: What is wrong.
        shard: Its entry, where it is a shard, which can be made again.
    """

    path: str
    what: str
    shard: ShardEntry | None = None


def find_problems(output: str, manifest: Manifest, path: str = MANIFEST_NAME) -> Iterator[Problem]:
    """Yield everything that is not as a manifest says.

    Args:
        path: Its file, below the output. With the newest one, `manifest.json`, all generations'
            manifests are looked at, and files that none of them names.
    """
    yield from _manifest_problems(output, manifest, path)
    yield from _tokenizer_problems(output, manifest)
    for shard in manifest.shards():
        problem = shard_problem(output, manifest, shard)
        if problem:
            yield Problem(path=shard.path, what=problem, shard=shard)
    if path == MANIFEST_NAME:
        yield from _generation_problems(output, manifest)
        yield from _stray_files(output, manifest)


def _manifest_problems(output: str, manifest: Manifest, path: str) -> Iterator[Problem]:
    document = json.loads(storage.read_bytes(storage.join(output, path)))
    for what in contradictions(document, manifest):
        yield Problem(path=path, what=what)


def _tokenizer_problems(output: str, manifest: Manifest) -> Iterator[Problem]:
    path = manifest.tokenizer.path
    data = storage.read_if_there(storage.join(output, path))
    if data is None or hashlib.sha256(data).hexdigest() != manifest.tokenizer.sha256:
        yield Problem(path=path, what="missing, or not the tokenizer that made the ids")
        return
    folder = manifest.tokenizer.folder
    tokenizer = load_dataset_tokenizer(storage.join(output, folder))
    for what in tokenizer_contradictions(manifest.tokenizer, tokenizer.entry(folder)):
        yield Problem(path=MANIFEST_NAME, what=what)
    if fingerprint_of(manifest.config, tokenizer.files) != manifest.fingerprint:
        what = "config, or the files beside the tokenizer, are not those that made the shards"
        yield Problem(path=MANIFEST_NAME, what=f"{what} (fingerprint differs)")


def _generation_problems(output: str, manifest: Manifest) -> Iterator[Problem]:
    """Yield what is wrong with the manifests of all generations."""
    there = set(generation_numbers(output))
    gone = removed_generations(output)
    expected = {generation.number for generation in manifest.generations}
    for number in sorted(there | (expected - gone)):
        path = generation_path(number)
        if number not in there:
            yield Problem(path=path, what="missing")
        else:
            yield from _generation_problems_of(output, manifest, path, part=number in expected)
    if max(there, default=0) > manifest.generation:
        newest = generation_path(max(there))
        what = f"older than {newest}: the next run of the job brings it up to date"
        yield Problem(path=MANIFEST_NAME, what=what)


def _generation_problems_of(
    output: str, manifest: Manifest, path: str, *, part: bool
) -> Iterator[Problem]:
    """Yield what is wrong with one generation's manifest.

    Args:
        part: False for a generation that the newest one does not build on.
    """
    try:
        earlier = read_manifest(output, path)
    except ReviewShardsError as error:
        yield Problem(path=path, what=str(error).removeprefix(f"{output}: "))
        return
    if generation_path(earlier.generation) != path:
        yield Problem(path=path, what=f"holds generation {earlier.generation}")
    yield from _manifest_problems(output, earlier, path)
    if part:
        for what in no_longer_the_same(earlier, manifest):
            yield Problem(path=path, what=what)
    if earlier.generation == manifest.generation and earlier != manifest:
        yield Problem(path=path, what=f"{MANIFEST_NAME} is no copy of it")


def _stray_files(output: str, manifest: Manifest) -> Iterator[Problem]:
    """Yield the files that no manifest names; none while a job may be writing."""
    if storage.exists(storage.join(output, LEASE_NAME)):
        return
    own, unnamed = set(own_files(output)), unnamed_files(output, manifest)
    for path in unnamed:
        what = "no manifest names it: python -m beam_pipeline.clean removes it"
        yield Problem(path=path, what=what)
    for subset in SUBSETS:
        for name in storage.list_files(storage.join(output, subset)):
            path = f"{subset}/{name}"
            if path not in own:
                what = "no job wrote it, but who reads all of the folder reads it: move it away"
                yield Problem(path=path, what=what)


def shard_problem(output: str, manifest: Manifest, shard: ShardEntry) -> str | None:
    """Return what is wrong with a shard, None when it is as the manifest says."""
    try:
        data = storage.read_bytes(storage.join(output, shard.path))
    except FileNotFoundError:
        return "missing"
    if len(data) != shard.bytes:
        return f"{len(data):,} bytes instead of {shard.bytes:,}"
    if hashlib.sha256(data).hexdigest() != shard.sha256:
        return "other bytes (sha256 differs)"
    table = read_shard(data, shard.format)
    if table.num_rows != shard.rows:
        return f"{counted(table.num_rows, 'row')} instead of {shard.rows:,}"
    if content_sha256(table) != shard.content_sha256:
        return "other values (content_sha256 differs)"
    metadata = table.schema.metadata or {}
    if metadata.get(FINGERPRINT.encode(), b"").decode() != manifest.fingerprint:
        return "made with other options (fingerprint differs)"
    n_tokens = sum(chunk.flatten().true_count for chunk in table.column("attention_mask").chunks)
    if n_tokens != shard.tokens:
        return f"{counted(n_tokens, 'token')} instead of {shard.tokens:,}"
    n_reviews = json.loads(metadata[COUNTS.encode()])["written"]
    if n_reviews != shard.reviews:
        return f"{counted(n_reviews, 'review')} instead of {shard.reviews:,}"
    return None
