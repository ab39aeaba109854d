"""How many shards a job makes: at least one for each split, more of what unpacks to more text."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from beam_pipeline.dry_run.estimates import STANDARD_ERRORS, Estimate
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe


def count_shards(
    recipe: DatasetRecipe,
    plan: Plan,
    lengths: npt.NDArray[np.float64],
    *,
    text: Estimate,
    reviews: Estimate,
) -> Estimate:
    """Return the number of shards, with the range that it lies in.

    Args:
        recipe: What is made.
        plan: What is read.
        lengths: (n,) bytes of each review of a sample.
        text: Bytes of text, in all.
        reviews: Reviews, in all.
    """
    # Of the review that stands where a part ends: long ones do so more often.
    at_end = float((lengths**2).sum() / max(1.0, lengths.sum()))
    error = min(text.error, text.value)
    low = _n_parts(recipe, plan, text.value - error, -at_end)
    high = _n_parts(recipe, plan, text.value + error, at_end)
    if len(recipe.subsets) > 1:
        low, high = low + _least_of_second(recipe, low, reviews.value), 2 * high
    return Estimate((low + high) / 2, (high - low) / 2)


def _n_parts(recipe: DatasetRecipe, plan: Plan, text_bytes: float, at_end: float) -> int:
    """Return how many parts a text makes, each split's share of it by what its files take.

    Args:
        recipe: What is made.
        plan: What is read.
        text_bytes: Bytes of text, in all.
        at_end: What a split may have more of it, and a part less.
    """
    if buckets := recipe.n_buckets(plan):
        return buckets
    sizes = {size.file.source: size for size in plan.splits.sizes}
    guessed = np.array(
        [
            sum(sizes[file.source].text_of(file) for file in split.files)
            for split in plan.splits
        ]
    )  # fmt: skip
    shares = guessed * (text_bytes / max(1.0, guessed.sum())) + at_end
    part_bytes = max(1.0, recipe.config.part_bytes - max(0.0, at_end) / 2)
    return int(np.maximum(1, np.ceil(shares / part_bytes)).sum())


def _least_of_second(recipe: DatasetRecipe, n_parts: int, n_reviews: float) -> int:
    """Return the least number of parts that have a review of both subsets."""
    fraction = recipe.config.validation_fraction
    if recipe.config.subset_from_path:
        return 0
    without: float = (1 - min(fraction, 1 - fraction)) ** (n_reviews / n_parts)
    lacking = n_parts * without
    return max(0, n_parts - math.floor(2 * lacking + STANDARD_ERRORS * math.sqrt(lacking)))
