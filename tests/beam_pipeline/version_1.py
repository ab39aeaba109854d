"""A dataset as the first release wrote it: format version 1, all shards in one folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.records import Records
from transforms.storage.generations import read_manifest


def make_version_1(output: Path) -> None:
    """Bring a dataset of one generation into format version 1."""
    manifest = read_manifest(str(output))
    subsets = {
        subset: Records.of(ShardEntry, [replace(shard, path=_flat(shard.path)) for shard in shards])
        for subset, shards in manifest.subsets.items()
    }
    text = replace(manifest, subsets=subsets, format_version=1).dumps()
    for name in ("manifest.json", "manifests/000001.json"):
        (output / name).write_text(text)
    for path in (*output.glob("*/000001/*-*.arrow"), *output.glob("rejected/000001/*.jsonl")):
        path.rename(output / _flat(str(path.relative_to(output))))
    for folder in output.glob("*/000001"):
        folder.rmdir()
    (output / "README.md").unlink()


def _flat(path: str) -> str:
    return path.replace("/000001/", "/")
