"""Lines that several commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.wording import counted, first_of

if TYPE_CHECKING:
    from beam_pipeline.plan.planning import Plan


def subset_line(manifest: Manifest, subset: str) -> str:
    """Return what a subset holds."""
    shards = manifest.subsets[subset]
    return (
        f"{subset:<11} {counted(manifest.rows(subset), 'row')}, "
        f"{counted(manifest.tokens(subset), 'token')}, {counted(len(shards), 'shard')}, "
        f"{shards.total('bytes') / 1e6:,.1f} MB"
    )


def left_alone(plan: Plan) -> list[str]:
    """Return which files in the folders given are not read."""
    lines = []
    if plan.ignored:
        lines.append(f"  ignored     {counted(len(plan.ignored), 'file')} in no class folder")
    if plan.passed_over:
        files = counted(len(plan.passed_over), "file")
        paths = first_of([file.path for file in plan.passed_over])
        lines.append(f"  passed over {files} without reviews: {paths}")
    return lines
