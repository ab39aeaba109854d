"""`--dry_run`: what would be read and made, estimated from a sample; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import IO

import pyarrow as pa

from beam_pipeline.config import JobConfig
from beam_pipeline.job import check_lengths
from beam_pipeline.pipeline import row_maker
from beam_pipeline.planning import Plan, make_plan
from beam_pipeline.tokenizer_source import TOKENIZER_FILE, TokenizerSource, load_tokenizer
from transforms.functional.elements import index_of
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.formats import INDEXED
from transforms.functional.readers.read_file import index_bytes, read_file
from transforms.functional.reviews import REVIEW_SCHEMA, Part, PartKey
from transforms.functional.shards import rows_table
from transforms.functional.splits import SizedFile
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.input_files import open_file
from transforms.tokenization import tokenize_part

SAMPLE_FILES = 8
SAMPLE_BYTES = 1 << 20  # Of text, from each file.


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Some reviews of some inputs.

    Attributes:
        part: The reviews.
        text_bytes: Bytes of their text.
        expansion: Bytes of text for each byte of input, as stored.
        rejected: Records that were no reviews.
    """

    part: Part
    text_bytes: int
    expansion: float
    rejected: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a job would make, scaled up from a sample."""

    reviews: float
    tokens: float
    rows: float
    bytes: float
    truncated: float


def dry_run(config: JobConfig) -> str:
    """Return what a job would read and make, as text.

    Raises:
        ReviewShardsError: the job could not start.
    """
    tokenizer = load_tokenizer(config.tokenizer)
    check_lengths(config, tokenizer)
    plan = make_plan(config)
    sample = take_sample(config, plan)
    text_bytes = plan.input_bytes * sample.expansion
    n_parts = max(len(plan.splits), -(-int(text_bytes) // config.part_bytes))
    subsets = 2 if config.validation_fraction > 0 else 1
    lines = [
        f"Would read {len(plan.files):,} files, {plan.input_bytes / 1e6:,.1f} MB "
        f"(about {text_bytes / 1e6:,.1f} MB of text)",
        f"  splits      {len(plan.splits):,}",
        f"  parts       about {n_parts:,}, of at most {config.part_bytes:,} bytes of text",
        f"  shards      about {n_parts * subsets:,}",
    ]
    if sample.part.reviews.num_rows:
        lines += _estimate_lines(config, sample, estimate(config, tokenizer, sample, text_bytes))
    if plan.ignored:
        lines.append(f"  ignored     {len(plan.ignored):,} files that lie in no class folder")
    if sample.rejected:
        lines.append(f"  rejected    {sample.rejected:,} records of the sample are no reviews")
    lines.append("Nothing was written: leave out --dry_run to start the job.")
    return "\n".join(lines)


def take_sample(config: JobConfig, plan: Plan) -> Sample:
    """Read the beginnings of some input files, evenly spread over the list."""
    step = max(1, len(plan.sizes) // SAMPLE_FILES)
    columns = ReviewColumns(text=config.text_column)
    batches: list[pa.RecordBatch] = []
    text_bytes = rejected = 0
    stored = 0.0
    for sized in plan.sizes[::step][:SAMPLE_FILES]:
        with open_file(sized.file) as stream:
            taken = 0
            for chunk in read_file(stream, sized.file, columns, config.sample_by):
                batches.append(chunk.reviews)
                taken += chunk.reviews.column("text").nbytes
                rejected += len(chunk.rejected)
                if taken >= SAMPLE_BYTES:
                    break
            text_bytes += taken
            stored += _stored_bytes(stream, sized, taken, config.text_column)
    table = pa.Table.from_batches(batches, REVIEW_SCHEMA).combine_chunks()
    reviews = (table.to_batches() or [pa.RecordBatch.from_pylist([], REVIEW_SCHEMA)])[0]
    return Sample(
        part=Part(key=PartKey(split=0, part=0), last=True, reviews=reviews),
        text_bytes=text_bytes,
        expansion=text_bytes / stored if stored else 1.0,
        rejected=rejected,
    )


def _stored_bytes(stream: IO[bytes], sized: SizedFile, taken: int, text_column: str) -> float:
    """Return how many bytes of the file, as stored, `taken` bytes of text stand for."""
    file = sized.file
    if file.format not in INDEXED or file.compression is not None:
        return min(stream.tell(), sized.bytes)
    stream.seek(0)
    indexed = sum(index_bytes(stream, file, text_column))
    return sized.bytes * taken / indexed if indexed else float(sized.bytes)


def estimate(
    config: JobConfig, tokenizer: TokenizerSource, sample: Sample, text_bytes: float
) -> Estimate:
    """Tokenize and pack the sample, and scale what comes out to all the text."""
    part = tokenize_part(sample.part, ReviewTokenizer(tokenizer.files[TOKENIZER_FILE]))
    packed = row_maker(config, tokenizer).make_rows(part).packed
    index = replace(index_of(sample.part), labels=None)
    table = rows_table(
        packed.rows,
        vocab_size=tokenizer.encoder.vocab_size,
        sources=index.sources,
        records=index.records,
    )
    n_reviews = sample.part.reviews.num_rows
    scale = text_bytes / max(1, sample.text_bytes)
    # A small sample may fill no block at all; the tokens that it has say what would.
    rows = len(packed.rows)
    if config.task == "mlm":
        rows_per_scale = (packed.tokens.written + packed.tokens.dropped) / config.max_length
    else:
        rows_per_scale = rows
    return Estimate(
        reviews=n_reviews * scale,
        tokens=(packed.tokens.tokenized + packed.tokens.special) * scale,
        rows=rows_per_scale * scale,
        bytes=table.nbytes / max(1, rows) * rows_per_scale * scale,
        truncated=packed.reviews_truncated / n_reviews if config.task != "mlm" else 0.0,
    )


def _estimate_lines(config: JobConfig, sample: Sample, made: Estimate) -> list[str]:
    n_reviews = sample.part.reviews.num_rows
    lines = [
        f"Would make, as a sample of {n_reviews:,} reviews "
        f"({sample.text_bytes / 1e6:,.1f} MB) says:",
        f"  reviews     about {made.reviews:,.0f}",
        f"  tokens      about {made.tokens:,.0f}, special ones included",
        f"  rows        about {made.rows:,.0f} of {config.max_length} tokens",
        f"  bytes       about {made.bytes / 1e6:,.1f} MB",
    ]
    if config.task == "classification" and config.overflow == "truncate":
        lines.append(f"  truncated   {made.truncated:.1%} of the reviews")
    return lines
