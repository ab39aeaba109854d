"""Lines about a dataset that several commands print."""

from __future__ import annotations

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.wording import counted


def subset_line(manifest: Manifest, subset: str) -> str:
    """Return what a subset holds."""
    shards = manifest.subsets[subset]
    return (
        f"{subset:<11} {counted(manifest.rows(subset), 'row')}, "
        f"{counted(manifest.tokens(subset), 'token')}, {counted(len(shards), 'shard')}, "
        f"{shards.total('bytes') / 1e6:,.1f} MB"
    )
