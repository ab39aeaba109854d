"""The graph of a repair: it makes some parts' shards again."""

from collections.abc import Collection

import apache_beam as beam

from beam_pipeline.graph.inputs import read_splits
from beam_pipeline.graph.making import MakeShards, in_order, tokenizing
from beam_pipeline.graph.reading import ReadCleanReviews
from beam_pipeline.plan.plan_files import PlanFiles
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.reviews.reviews import Part, PartKey
from transforms.functional.reviews.splits import Split
from transforms.storage.lease import Lease


def build_repair(
    pipeline: beam.Pipeline,
    recipe: DatasetRecipe,
    plan: Plan,
    files: PlanFiles,
    *,
    keys: Collection[PartKey],
    manifest: Manifest,
    generation: int | None,
    lease: Lease,
    threads: int = 1,
    scratch: str | None = None,
) -> None:
    """Add to a pipeline what makes some parts' shards again, and nothing else of the job.

    Args:
        manifest: What the job said of label names, of files that it left out, and of the rows of
            each shard.
        generation: Number of their generation; None for shards that lie as in format version 1.
        scratch: Folder of this machine where a shuffle keeps the reviews, see `ShuffleReviews`.
    """
    bad_files = pipeline | "BadFiles" >> beam.Create(manifest.quarantined)
    splits = read_splits(pipeline, files, bad_files if manifest.quarantined else None)
    if _parts_stand_alone(recipe, plan):
        numbers = frozenset(key.split for key in keys)
        splits |= beam.Filter(_is_one_of, numbers).with_output_types(Split)
    known = [] if manifest.label_numbers is None else [dict(manifest.label_numbers)]
    numbers_of_names = pipeline | "Labels" >> beam.Create(known)
    names = numbers_of_names if plan.labels_are_names else None
    parts = splits | ReadCleanReviews(recipe, plan, files, label_numbers=names)
    wanted = beam.Filter(_is_wanted, frozenset(keys)).with_output_types(Part)
    chosen = in_order(parts, recipe, plan, scratch) | "ChooseParts" >> wanted
    expected = {
        shard.path: shard.content_sha256
        for shard in manifest.shards()
        if PartKey(split=shard.split, part=shard.part) in keys
    }
    making = MakeShards(recipe, plan, generation=generation, lease=lease, expected=expected)
    _ = chosen | tokenizing(recipe, plan, threads) | making


def _parts_stand_alone(recipe: DatasetRecipe, plan: Plan) -> bool:
    """Return True where a part is made of one split, whatever is in the others."""
    compared = recipe.config.dedup == "exact" or bool(plan.dedup_files)
    return not recipe.n_buckets(plan) and not compared


def _is_one_of(split: Split, numbers: Collection[int]) -> bool:
    return split.number in numbers


def _is_wanted(part: Part, keys: Collection[PartKey]) -> bool:
    return part.key in keys
