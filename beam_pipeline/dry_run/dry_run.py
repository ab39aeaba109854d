"""`--dry_run`: what would be read and made, estimated from a sample; nothing is written."""

from __future__ import annotations

import time

import numpy as np

from beam_pipeline.dry_run.estimates import Estimate
from beam_pipeline.dry_run.outcome import SHARD_BYTES, Outcome, outcome_of, row_ends
from beam_pipeline.dry_run.sampling import Sample, take_sample
from beam_pipeline.dry_run.shard_counts import count_shards
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
    draft = recipe.manifest_draft(plan)
    if there is not None and is_finished(config, plan, draft, there):
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
    shards = count_shards(recipe, plan, lengths, text=text, reviews=outcome.total("reviews"))
    n_shards = round(shards.value)
    rows, n_bytes = _rows_and_bytes(outcome, row_ends(config) * n_shards, n_shards)
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


def _rows_and_bytes(outcome: Outcome, ends: float, n_shards: int) -> tuple[Estimate, Estimate]:
    """Return rows and bytes of all shards; `ends` are the rows that their ends add or take."""
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
