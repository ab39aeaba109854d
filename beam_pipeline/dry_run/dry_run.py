"""`--dry_run`: what would be read and made, estimated from a sample; nothing is written."""

from __future__ import annotations

import math
import time

import numpy as np
import numpy.typing as npt

from beam_pipeline.dry_run.estimates import STANDARD_ERRORS, Estimate
from beam_pipeline.dry_run.outcome import Outcome, outcome_of
from beam_pipeline.dry_run.sampling import Sample, take_sample
from beam_pipeline.engines.engine import SMALL_TEXT_BYTES, n_cores
from beam_pipeline.options.config import JobConfig
from beam_pipeline.output.finished import is_finished
from beam_pipeline.plan.planning import Plan, make_plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from beam_pipeline.summary.lines import left_alone
from transforms.functional.reviews.reviews import text_lengths
from transforms.functional.wording import counted
from transforms.storage.generations import find_manifest

# Measured: a process with everything loaded, and what it needs for each byte of a part's text.
PROCESS_BYTES = 300 << 20
MEMORY_FACTOR = 20
# Measured: schema, receipt and footer of a shard.
SHARD_BYTES = 2_900
# Measured: imports, building the pipeline, and worker processes.
START_SECONDS = 5
# Measured: to write a shard, and to hand it on, however small it is.
SECONDS_PER_SHARD = 0.04


def dry_run(config: JobConfig) -> str:
    """Return what a job would read and make, as text.

    Raises:
        ReviewShardsError: the job could not start.
    """
    started = time.monotonic()
    tokenizer = load_tokenizer(config.tokenizer)
    there = None if config.overwrite else find_manifest(config.output)
    earlier = there if config.append else None
    recipe = DatasetRecipe(config=config, tokenizer=tokenizer, earlier=earlier)
    plan = make_plan(config, earlier)
    if there is not None and is_finished(recipe, plan, there):
        return f"Nothing to do: {config.output} holds all of this already. Nothing was written."
    plan_seconds = time.monotonic() - started
    lines = [f"Would read {counted(len(plan.files), 'file')}, {plan.input_bytes / 1e6:,.1f} MB"]
    sample = take_sample(config, plan)
    if any(run.reviews.num_rows for run in sample.runs):
        lines += _estimate_lines(recipe, plan, sample, plan_seconds)
    elif n_rejected := round(sum(run.rejected for run in sample.runs)):
        lines.append(
            f"  rejected    the sample holds no review, but {counted(n_rejected, 'bad record')}"
        )
    lines += left_alone(plan)
    lines.append("Nothing was written: leave out --dry_run to start the job.")
    return "\n".join(lines)


def _estimate_lines(
    recipe: DatasetRecipe, plan: Plan, sample: Sample, plan_seconds: float
) -> list[str]:
    config = recipe.config
    started = time.monotonic()
    outcome = outcome_of(recipe, plan, sample)
    making_seconds = time.monotonic() - started
    pace = making_seconds / max(1, int(outcome.columns["text"].sum()))
    text = outcome.total("text")
    lengths = np.concatenate([text_lengths(run.reviews) for run in sample.runs])
    shards = _count_shards(recipe, plan, lengths, text=text, reviews=outcome.total("reviews"))
    n_shards = round(shards.value)
    rows, n_bytes = _rows_and_bytes(config, outcome, n_shards)
    n_reviews = sum(run.reviews.num_rows for run in sample.runs)
    says = "everything" if sample.is_all else f"a sample of {counted(n_reviews, 'review')}"
    lines = [
        f"Would make, as {says} says:",
        f"  text        {text.text(1e-6, ' MB', 2)}",
        f"  reviews     {outcome.total('reviews').text()}",
        f"  tokens      {outcome.total('tokens').text()}, special ones included",
        f"  rows        {rows.text()}, of {config.max_length} tokens",
        f"  shards      {shards.text()}",
        f"  bytes       {n_bytes.text(1e-6, ' MB', 2)}",
    ]
    for name, of, what in (
        ("truncated", "reviews", "of the reviews lose tokens"),
        ("padding", "places", "of all places in the rows"),
        ("rejected", "records", "of the records"),
    ):
        if outcome.columns[name].any():
            lines.append(f"  {name:<11} {outcome.percent(name, of).text(1, ' %', 2)} {what}")
    lines += _machine_lines(config, plan, sample, text.value, n_shards, plan_seconds, pace)
    if sample.cut_short:
        lines.append(
            f"  NOTE        a part was read of {counted(sample.cut_short, 'large file')} that can "
            f"only be read from the start: the ranges hold if the rest is like it"
        )
    if config.dedup != "none" or config.exclude:
        lines.append("  NOTE        duplicates and excluded reviews were not looked for")
    return lines


def _rows_and_bytes(
    config: JobConfig, outcome: Outcome, n_shards: int
) -> tuple[Estimate, Estimate]:
    """Return rows and bytes of all shards."""
    # The last tokens of a shard fill no block, half of one on average: dropped, or padded to one.
    is_padded = config.remainder == "pad" or config.packing == "best_fit"
    ends = n_shards * (0.5 if is_padded else -0.5) if config.task == "mlm" else 0.0
    rows = outcome.total("rows").plus(ends, abs(ends) / 2)
    n_bytes = outcome.total("bytes")
    row_bytes = n_bytes.value / max(1.0, rows.value - ends)
    shard_bytes = n_shards * SHARD_BYTES + ends * row_bytes
    error = abs(ends) / 2 * row_bytes + n_shards * SHARD_BYTES / 2
    return rows, n_bytes.plus(shard_bytes, error)


def _machine_lines(
    config: JobConfig,
    plan: Plan,
    sample: Sample,
    text_bytes: float,
    n_shards: int,
    plan_seconds: float,
    pace: float,
) -> list[str]:
    """Return time and memory on this machine; `pace` is seconds to make rows of a byte of text."""
    cores = n_cores()
    workers = min(cores, len(plan.splits)) if text_bytes > SMALL_TEXT_BYTES else 1
    reading, making = sample.read_seconds / max(1, sample.read_bytes), pace * text_bytes
    once = plan_seconds + sample.walk_seconds
    # Late in a job, most words are known already.
    low = once + sample.read_seconds + making / cores / 2
    high = once + reading * text_bytes / workers + making
    high += START_SECONDS + n_shards * SECONDS_PER_SHARD
    memory = workers * (PROCESS_BYTES + MEMORY_FACTOR * min(config.part_bytes, text_bytes))
    return [
        f"  time        {low:,.0f} to {high:,.0f} s on the {cores} cores of this machine, as busy "
        f"as it is now",
        f"  memory      up to {memory / 1e9:,.1f} GB, with {counted(workers, 'part')} in work; "
        f"a smaller --part_bytes needs less",
    ]


def _count_shards(
    recipe: DatasetRecipe,
    plan: Plan,
    lengths: npt.NDArray[np.float64],
    *,
    text: Estimate,
    reviews: Estimate,
) -> Estimate:
    """Return the number of shards, with the range that it lies in.

    Args:
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
