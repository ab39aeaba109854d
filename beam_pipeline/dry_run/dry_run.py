"""`--dry_run`: what would be read and made, estimated from a sample; nothing is written."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from beam_pipeline.dry_run.estimates import Estimate, total_of
from beam_pipeline.dry_run.sampling import Run, Sample, take_sample
from beam_pipeline.engines.cores import n_cores
from beam_pipeline.engines.engine import SMALL_TEXT_BYTES
from beam_pipeline.options.config import JobConfig
from beam_pipeline.output.finished import is_finished
from beam_pipeline.plan.planning import Plan, make_plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import TOKENIZER_FILE, load_tokenizer
from transforms.functional.dataset.shards import content_sha256, rows_table, shard_bytes
from transforms.functional.elements import index_of
from transforms.functional.reviews.cleaning import clean_part
from transforms.functional.reviews.reviews import Part, PartKey, text_lengths
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.rows import make_rows
from transforms.storage.generations import find_manifest
from transforms.tokenization import tokenize_part

# Headers and footers of shards are not in the sample.
FILE_OVERHEAD = 0.01
# Measured: a process with everything loaded, and what it needs for each byte of a part's text.
PROCESS_BYTES = 300 << 20
MEMORY_FACTOR = 20


@dataclass(frozen=True, kw_only=True)
class Made:
    """What became of one run of reviews, scaled up to the stretch that it stands for."""

    reviews: float
    text: float
    tokens: float
    rows: float
    bytes: float
    truncated: float
    padding: float


def dry_run(config: JobConfig) -> str:
    """Return what a job would read and make, as text.

    Raises:
        ReviewShardsError: the job could not start.
    """
    recipe = DatasetRecipe(config=config, tokenizer=load_tokenizer(config.tokenizer))
    there = None if config.overwrite else find_manifest(config.output)
    plan = make_plan(config, there if config.append else None)
    draft = recipe.manifest_draft(plan)
    if there is not None and is_finished(config, plan, draft, there):
        return f"Nothing to do: {config.output} holds all of this already. Nothing was written."
    lines = [f"Would read {len(plan.files):,} files, {plan.input_bytes / 1e6:,.1f} MB"]
    sample = take_sample(config, plan)
    if any(run.reviews.num_rows for run in sample.runs):
        lines += _estimate_lines(recipe, plan, sample)
    elif n_rejected := round(sum(run.rejected for run in sample.runs)):
        lines.append(f"  rejected    all {n_rejected:,} records of the sample are no reviews")
    if plan.ignored:
        lines.append(f"  ignored     {len(plan.ignored):,} files that lie in no class folder")
    lines.append("Nothing was written: leave out --dry_run to start the job.")
    return "\n".join(lines)


def _estimate_lines(recipe: DatasetRecipe, plan: Plan, sample: Sample) -> list[str]:
    config = recipe.config
    made, seconds = make_runs(recipe, sample)
    sizes = [run.stored_bytes for run in sample.runs]

    def total(counts: list[float]) -> Estimate:
        return total_of(counts, sizes, plan.input_bytes, is_all=sample.is_all)

    text = total([run.text for run in made])
    rows = total([run.rows for run in made])
    n_shards = max(len(plan.splits), -(-int(text.value) // config.part_bytes))
    n_shards *= len(recipe.subsets)
    n_reviews = sum(run.reviews.num_rows for run in sample.runs)
    says = "everything" if sample.is_all else f"a sample of {n_reviews:,} reviews"
    lines = [
        f"Would make, as {says} says (± : 95 % interval):",
        f"  text        {text.times(1e-6)} MB",
        f"  reviews     {total([run.reviews for run in made])}",
        f"  tokens      {total([run.tokens for run in made])}, special ones included",
        f"  rows        {rows}, of {config.max_length} tokens",
        f"  shards      about {n_shards:,}",
        f"  bytes       {total([run.bytes for run in made]).times(1e-6, FILE_OVERHEAD)} MB",
    ]
    reviews = [run.reviews for run in made]
    slots = [run.rows * config.max_length for run in made]
    records = [run.rejected + one.reviews for run, one in zip(sample.runs, made, strict=True)]
    for name, counts, among, what in (
        ("truncated", [run.truncated for run in made], reviews, "of the reviews lose tokens"),
        ("padding", [run.padding for run in made], slots, "of all places in the rows"),
        ("rejected", [run.rejected for run in sample.runs], records, "of the records"),
    ):
        if sum(counts):
            share = total_of(counts, among, sum(among), is_all=sample.is_all).share(sum(among))
            lines.append(f"  {name:<11} {share} {what}")
    lines += _machine_lines(config, text.value, n_shards, sample, seconds)
    if any(run.guessed for run in sample.runs):
        lines.append(
            "  NOTE        large compressed files were read in part: how much they hold is a guess "
            "that ± does not know"
        )
    if config.dedup != "none" or config.exclude:
        lines.append("  NOTE        duplicates and excluded reviews were not looked for")
    return lines


def make_runs(recipe: DatasetRecipe, sample: Sample) -> tuple[list[Made], tuple[float, float]]:
    """Make rows of the runs, and measure how long that takes.

    Returns:
        What came out of each run; and seconds for a byte of text, over all runs and over the
        second half, when the tokenizer knows most words.
    """
    encoder = ReviewTokenizer(recipe.tokenizer.files[TOKENIZER_FILE])
    made: list[Made] = []
    spent: list[tuple[int, float]] = []
    for run in sample.runs:
        started = time.monotonic()
        made.append(_make(recipe, encoder, run))
        n_bytes = int(text_lengths(run.reviews).sum())
        spent.append((n_bytes, time.monotonic() - started))

    def pace(part: list[tuple[int, float]]) -> float:
        return sum(seconds for _, seconds in part) / max(1, sum(n_bytes for n_bytes, _ in part))

    return made, (pace(spent), pace(spent[len(spent) // 2 :]))


def _make(recipe: DatasetRecipe, encoder: ReviewTokenizer, run: Run) -> Made:
    """Do with a run what the job does with a part."""
    config = recipe.config
    part = Part(key=PartKey(split=0, part=0), last=True, reviews=run.reviews)
    clean = clean_part(part, recipe.cleaning)
    packed = make_rows(tokenize_part(clean, encoder), recipe.layout).packed
    index = replace(index_of(part), labels=None)
    table = rows_table(
        packed.rows,
        vocab_size=recipe.tokenizer.encoder.vocab_size,
        sources=index.sources,
        records=index.records,
    )
    stored = len(shard_bytes(table, config.format, {}))
    content_sha256(table)
    counts, n_rows = packed.ledger.tokens, len(packed.rows)
    padding = len(table["input_ids"].combine_chunks().flatten()) - counts.written
    # A run ends in the middle of a block; the job's parts are long enough not to care.
    whole = config.task == "mlm" and n_rows
    rows = (counts.written + counts.dropped) / config.max_length if whole else float(n_rows)
    n_bytes = table.nbytes if config.format == "arrow" else stored
    label_bytes = 8 * n_rows if config.task == "classification" else 0
    return Made(
        reviews=run.weight * run.reviews.num_rows,
        text=run.weight * int(text_lengths(run.reviews).sum()),
        tokens=run.weight * (counts.tokenized + counts.special),
        rows=run.weight * rows,
        bytes=run.weight * (n_bytes + label_bytes) * (rows / n_rows if n_rows else 0.0),
        truncated=run.weight * packed.ledger.reviews.truncated if config.task != "mlm" else 0.0,
        padding=run.weight * padding if config.task != "mlm" else 0.0,
    )


def _machine_lines(
    config: JobConfig, text_bytes: float, n_shards: int, sample: Sample, paces: tuple[float, float]
) -> list[str]:
    """Return time and memory on this machine."""
    cores = n_cores()
    reading = sample.read_seconds / max(1, sample.read_bytes)
    slow, fast = sorted(((pace + reading) * text_bytes / cores for pace in paces), reverse=True)
    workers = min(cores, n_shards) if text_bytes > SMALL_TEXT_BYTES else 1
    part = min(config.part_bytes, text_bytes)
    memory = workers * (PROCESS_BYTES + MEMORY_FACTOR * part)
    return [
        f"  time        {fast:,.0f} to {slow:,.0f} s on the {cores} cores of this machine, and a "
        f"few to start",
        f"  memory      up to {memory / 1e9:,.1f} GB, with {workers} parts in work; a smaller "
        f"--part_bytes needs less",
    ]
