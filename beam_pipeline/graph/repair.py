"""The graph of a repair: it makes some parts' shards again."""

from collections.abc import Collection

import apache_beam as beam

from beam_pipeline.graph.steps import MakeShards, ReadCleanReviews, Steps
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.reviews.reviews import Part, PartKey
from transforms.functional.reviews.splits import Split


def build_repair(
    pipeline: beam.Pipeline,
    steps: Steps,
    *,
    keys: Collection[PartKey],
    manifest: Manifest,
    generation: int | None,
) -> None:
    """Add to a pipeline what makes some parts' shards again, and nothing else of the job.

    Args:
        manifest: What the job said of label names, of files that it left out, and of the rows of
            each shard.
        generation: Number of their generation; None for shards that lie as in format version 1.
    """
    recipe, plan = steps.recipe, steps.plan
    bad_files = pipeline | "BadFiles" >> beam.Create(manifest.quarantined)
    splits = steps.splits(pipeline, bad_files if manifest.quarantined else None)
    is_compared = recipe.config.dedup == "exact" or plan.dedup_files
    if not recipe.n_buckets(plan) and not is_compared:  # A part is made of one split alone.
        numbers = frozenset(key.split for key in keys)
        splits |= beam.Filter(_is_one_of, numbers).with_output_types(Split)
    known = [] if manifest.label_numbers is None else [dict(manifest.label_numbers)]
    label_numbers = pipeline | "Labels" >> beam.Create(known)
    names = label_numbers if plan.labels.are_names else None
    parts = splits | ReadCleanReviews(steps, label_numbers=names)
    wanted = beam.Filter(_is_wanted, frozenset(keys)).with_output_types(Part)
    chosen = steps.in_order(parts) | "ChooseParts" >> wanted
    expected = {
        shard.path: shard.content_sha256
        for shard in manifest.shards()
        if PartKey(split=shard.split, part=shard.part) in keys
    }
    making = MakeShards(steps, generation=generation, expected=expected)
    _ = chosen | steps.tokenizing() | making


def _is_one_of(split: Split, numbers: Collection[int]) -> bool:
    return split.number in numbers


def _is_wanted(part: Part, keys: Collection[PartKey]) -> bool:
    return part.key in keys
