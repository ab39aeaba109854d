"""`--dry_run`: what would be read and made, estimated from a sample; nothing is written."""

from __future__ import annotations

import time
from dataclasses import replace

from beam_pipeline.dry_run.estimates import Estimate, total_of
from beam_pipeline.dry_run.sampling import Sample, SampledReviews, take_sample
from beam_pipeline.engines.cores import n_cores
from beam_pipeline.engines.engine import SMALL_TEXT_BYTES
from beam_pipeline.options.config import JobConfig
from beam_pipeline.output.finished import is_finished
from beam_pipeline.plan.passed_over import passed_over_line
from beam_pipeline.plan.planning import Plan, make_plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_files import TOKENIZER_FILE
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from transforms.functional.dataset.shards import content_sha256, rows_table, shard_bytes
from transforms.functional.elements import index_of
from transforms.functional.reviews.cleaning import clean_part
from transforms.functional.reviews.problem_types import MULTI, REGRESSION, SINGLE
from transforms.functional.reviews.reviews import Part, PartKey, ReviewChunk, text_lengths
from transforms.functional.reviews.unencodable import reject_unencodable
from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.functional.wording import counted
from transforms.rows import make_rows
from transforms.storage.generations import find_manifest
from transforms.tokenization import tokenize_part

# Measured: a process with everything loaded, and what it needs for each byte of a part's text.
PROCESS_BYTES = 300 << 20
MEMORY_FACTOR = 20
# Measured: imports, building the pipeline, and worker processes.
START_SECONDS = 5
# Of a label in a shard; of several classes the offset of a row, and each class.
LABEL_BYTES = {SINGLE: 8, REGRESSION: 4, MULTI: 4}

# Of a run of reviews; rows and bytes may be fractions, since a run ends inside of a block.
Counts = dict[str, float]


def dry_run(config: JobConfig) -> str:
    """Return what a job would read and make, as text.

    Raises:
        ReviewShardsError: the job could not start.
    """
    started = time.monotonic()
    recipe = DatasetRecipe(config=config, tokenizer=load_tokenizer(config.tokenizer))
    there = None if config.overwrite else find_manifest(config.output)
    plan = make_plan(config, there if config.append else None)
    draft = recipe.manifest_draft(plan)
    if there is not None and is_finished(config, plan, draft, there):
        return f"Nothing to do: {config.output} holds all of this already. Nothing was written."
    plan_seconds = time.monotonic() - started
    lines = [f"Would read {counted(len(plan.files), 'file')}, {plan.input_bytes / 1e6:,.1f} MB"]
    sample = take_sample(config, plan)
    if any(run.reviews.num_rows for run in sample.runs):
        lines += _estimate_lines(recipe, plan, sample, plan_seconds)
    elif n_rejected := round(sum(run.rejected for run in sample.runs)):
        lines.append(f"  rejected    all {n_rejected:,} records of the sample are no reviews")
    if plan.ignored:
        lines.append(f"  ignored     {counted(len(plan.ignored), 'file')} in no class folder")
    if plan.passed_over:
        lines.append(passed_over_line([file.path for file in plan.passed_over]))
    lines.append("Nothing was written: leave out --dry_run to start the job.")
    return "\n".join(lines)


def _estimate_lines(
    recipe: DatasetRecipe, plan: Plan, sample: Sample, plan_seconds: float
) -> list[str]:
    config = recipe.config
    encoder = ReviewTokenizer(recipe.tokenizer.files[TOKENIZER_FILE])
    started = time.monotonic()
    label_bytes = _label_bytes(config, plan)
    tried = [_tried(run, recipe, encoder.encoder) for run in sample.runs]
    runs = [_make(recipe, encoder, run, label_bytes) for run in tried]
    seconds = time.monotonic() - started
    columns = {name: [run[name] for run in runs] for name in runs[0]}

    def total(name: str, of: str = "stored", whole: float = plan.input_bytes) -> Estimate:
        return total_of(columns[name], columns[of], whole, is_all=sample.is_all)

    text = total("text")
    n_shards = max(len(plan.splits), -(-int(text.value) // config.part_bytes))
    n_shards *= len(recipe.subsets)
    n_reviews = sum(run.reviews.num_rows for run in sample.runs)
    says = "everything" if sample.is_all else f"a sample of {n_reviews:,} reviews"
    lines = [
        f"Would make, as {says} says:",
        f"  text        {text.text(1e-6, ' MB', 2)}",
        f"  reviews     {total('reviews').text()}",
        f"  tokens      {total('tokens').text()}, special ones included",
        f"  rows        {total('rows').text()}, of {config.max_length} tokens",
        f"  shards      about {n_shards:,}",
        f"  bytes       {total('bytes').text(1e-6, ' MB', 2)}",
    ]
    for name, of, what in (
        ("truncated", "reviews", "of the reviews lose tokens"),
        ("padding", "places", "of all places in the rows"),
        ("rejected", "records", "of the records"),
    ):
        if any(columns[name]):
            lines.append(f"  {name:<11} {total(name, of, 100).text(1, ' %', 2)} {what}")
    pace = seconds / max(1, sum(columns["text"]))
    lines += _machine_lines(config, plan, sample, text.value, plan_seconds, pace)
    if sample.cut_short:
        lines.append(
            f"  NOTE        {sample.cut_short:,} large files that can only be read from the start "
            f"were read in part: the ranges hold if the rest is like it"
        )
    if config.dedup != "none" or config.exclude:
        lines.append("  NOTE        duplicates and excluded reviews were not looked for")
    return lines


def _label_bytes(config: JobConfig, plan: Plan) -> int:
    several = 4 * len(plan.label_numbers or ()) if config.problem_type == MULTI else 0
    return LABEL_BYTES[config.problem_type] + several


def _tried(run: SampledReviews, recipe: DatasetRecipe, encoder: Encoder) -> SampledReviews:
    """Return a run without the reviews that the tokenizer gives up on."""
    chunk = reject_unencodable(ReviewChunk(reviews=run.reviews), encoder, recipe.cleaning)
    return replace(run, reviews=chunk.reviews, rejected=run.rejected + len(chunk.rejected))


def _make(
    recipe: DatasetRecipe, encoder: ReviewTokenizer, run: SampledReviews, label_bytes: int
) -> Counts:
    """Do with a run what the job does with a part, and count what comes out."""
    config = recipe.config
    part = Part(key=PartKey(split=0, part=0), last=True, reviews=run.reviews)
    clean = clean_part(part, recipe.cleaning)
    packed = make_rows(tokenize_part(clean, encoder), recipe.layout).packed
    index = replace(index_of(clean), labels=None)
    table = rows_table(
        packed.rows,
        vocab_size=recipe.tokenizer.encoder.vocab_size,
        sources=index.sources,
        records=index.records,
    )
    stored = len(shard_bytes(table, config.format, {}))
    content_sha256(table)
    counts, n_rows, mlm = packed.ledger.tokens, len(packed.rows), config.task == "mlm"
    places = len(table["input_ids"].combine_chunks().flatten())
    # A run ends in the middle of a block; the job's parts are long enough not to care.
    rows = (counts.written + counts.dropped) / config.max_length if mlm else n_rows
    row_bytes = (table.nbytes if config.format == "arrow" else stored) / max(1, n_rows)
    return {
        "stored": run.stored_bytes,
        "reviews": run.reviews.num_rows,
        "rejected": run.rejected,
        "records": run.reviews.num_rows + run.rejected,
        "text": int(text_lengths(run.reviews).sum()),
        "tokens": counts.tokenized + counts.special,
        "rows": rows,
        "places": places,
        "bytes": rows * (row_bytes + (0 if mlm else label_bytes)),
        "truncated": 0 if mlm else packed.ledger.reviews.truncated,
        "padding": 0 if mlm else places - counts.written,
    }


def _machine_lines(
    config: JobConfig,
    plan: Plan,
    sample: Sample,
    text_bytes: float,
    plan_seconds: float,
    pace: float,
) -> list[str]:
    """Return time and memory on this machine; `pace` is seconds to make rows of a byte of text."""
    cores = n_cores()
    workers = min(cores, len(plan.splits)) if text_bytes > SMALL_TEXT_BYTES else 1
    reading, making = sample.read_seconds / max(1, sample.read_bytes), pace * text_bytes
    # To open an archive takes its time once: only the higher figure scales it up with the text.
    # Late in a job, most words are known already.
    low = plan_seconds + sample.read_seconds + making / cores / 2
    high = plan_seconds + reading * text_bytes / workers + making + START_SECONDS
    memory = workers * (PROCESS_BYTES + MEMORY_FACTOR * min(config.part_bytes, text_bytes))
    return [
        f"  time        {low:,.0f} to {high:,.0f} s on the {cores} cores of this machine, as busy "
        f"as it is now",
        f"  memory      up to {memory / 1e9:,.1f} GB, with {workers} parts in work; a smaller "
        f"--part_bytes needs less",
    ]
