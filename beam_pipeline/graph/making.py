"""From parts of reviews to shards, as a job and a repair both make them."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

import apache_beam as beam

from beam_pipeline.graph.reading import tokenizer_path
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from transforms.rows import MakeRows, MaskBlocks, SplitSubsets
from transforms.shuffling import ShuffleReviews
from transforms.storage.lease import Lease
from transforms.tokenization import TokenizeReviews
from transforms.writing import WriteShards


def in_order(
    parts: beam.PCollection, recipe: DatasetRecipe, plan: Plan, scratch: str | None
) -> beam.PCollection:
    """Return the parts as they become shards: shuffled, where the options say so."""
    n_buckets = recipe.n_buckets(plan)
    if not n_buckets:
        return parts
    seed, first = recipe.config.seed, plan.splits.first
    return parts | ShuffleReviews(n_buckets, seed=seed, first=first, scratch=scratch)


def tokenizing(recipe: DatasetRecipe, plan: Plan, threads: int) -> TokenizeReviews:
    """Return the transform that tokenizes, with the copy of the tokenizer in the output."""
    return TokenizeReviews(tokenizer_path(recipe, plan), threads=threads)


@dataclass(eq=False)
class MakeShards(beam.PTransform):
    """Token ids to shards: subsets, rows, masks, files.

    Args:
        generation: Number of their generation; None for shards that lie as in format version 1.
        lease: The right to write; None where an engine runs the job later, without one.
        expected: The only content that shards may have, by their paths; None for any.
    """

    recipe: DatasetRecipe
    plan: Plan
    _: KW_ONLY
    generation: int | None
    lease: Lease | None
    expected: Mapping[str, str] | None = None

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `ShardReceipt`."""
        recipe, config = self.recipe, self.recipe.config
        if len(recipe.subsets) > 1:
            parts |= SplitSubsets(
                config.validation_fraction,
                seed=config.seed,
                validation_sources=self.plan.validation_sources,
            )
        rows = parts | MakeRows(recipe.layout)
        if recipe.masks:
            rows |= MaskBlocks(recipe.masks)
        return rows | WriteShards(
            config.output,
            vocab_size=recipe.tokenizer.encoder.vocab_size,
            shard_format=config.format,
            metadata=recipe.shard_metadata,
            generation=self.generation,
            lease=self.lease,
            expected=self.expected,
        )
