"""What the job would make of a sample: each run of reviews goes through its very functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_pipeline.dry_run.estimates import Estimate, narrowest_total
from beam_pipeline.dry_run.sampling import Sample, SampledReviews, joined
from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_files import TOKENIZER_FILE
from transforms.functional.dataset.shards import content_sha256, rows_table, shard_bytes
from transforms.functional.elements import PackedPart, index_of
from transforms.functional.problem_type_names import MULTI, REGRESSION, SINGLE
from transforms.functional.reviews.cleaning import clean_part
from transforms.functional.reviews.reviews import Part, PartKey, ReviewChunk, text_lengths
from transforms.functional.reviews.unencodable import reject_unencodable
from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.rows import make_rows, mask_part
from transforms.tokenization import tokenize_part

# Of a label in a shard; of several classes the offset of a row, and each class.
LABEL_BYTES = {SINGLE: 8, REGRESSION: 4, MULTI: 4}
# Measured: how well rows of a sample tell what a shard of Parquet takes.
PARQUET_ERROR = 0.03


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What was made of a sample.

    Attributes:
        columns: (n_runs,) of each count.
        sample: The sample.
        input_bytes: Bytes of all inputs.
        bytes_error: How wrong the bytes may be besides, as a share of them.
    """

    columns: Mapping[str, npt.NDArray[np.float64]]
    sample: Sample
    input_bytes: int
    bytes_error: float

    def total(self, name: str) -> Estimate:
        """Return the total of a count over all inputs, by what tells most about it."""
        sizes = ((self.columns["stored"], self.input_bytes),
                 (self.columns["units"], self.sample.n_units))  # fmt: skip
        counts, least_error = self.columns[name], self.bytes_error if name == "bytes" else 0.0
        return narrowest_total(counts, sizes, is_all=self.sample.is_all, least_error=least_error)

    def percent(self, name: str, of: str) -> Estimate:
        """Return how many of a hundred of one count are of another."""
        sizes = [(self.columns[of], 100.0)]
        return narrowest_total(self.columns[name], sizes, is_all=self.sample.is_all)


def outcome_of(recipe: DatasetRecipe, plan: Plan, sample: Sample) -> Outcome:
    """Make rows of each run of a sample, and count them."""
    encoder = ReviewTokenizer(recipe.tokenizer.files[TOKENIZER_FILE])
    sample = replace(sample, runs=[_tried(run, recipe, encoder.encoder) for run in sample.runs])
    parts = [_made(recipe, encoder, run) for run in sample.runs]
    tables = [_table(recipe, part) for part in parts]
    label_bytes, problem_type = 0, recipe.config.problem_type
    if recipe.config.task == "classification":
        several = 4 * len(plan.labels.numbers or ()) if problem_type == MULTI else 0
        label_bytes = LABEL_BYTES[problem_type] + several
    row_bytes, bytes_error = _row_bytes(recipe.config, tables, label_bytes)
    n_rows = _n_rows(recipe, encoder, sample, parts)
    counts = [
        _counts(recipe.config, run, part, table, rows, rows * each)
        for run, part, table, rows, each in zip(
            sample.runs, parts, tables, n_rows, row_bytes, strict=True
        )
    ]
    columns = {name: np.array([run[name] for run in counts], np.float64) for name in counts[0]}
    return Outcome(
        columns=columns, sample=sample, input_bytes=plan.input_bytes, bytes_error=bytes_error
    )


def _tried(run: SampledReviews, recipe: DatasetRecipe, encoder: Encoder) -> SampledReviews:
    """Return a run without the reviews that the tokenizer gives up on."""
    chunk = reject_unencodable(ReviewChunk(reviews=run.reviews), encoder, recipe.cleaning)
    return replace(run, reviews=chunk.reviews, rejected=run.rejected + len(chunk.rejected))


def _made(recipe: DatasetRecipe, encoder: ReviewTokenizer, run: SampledReviews) -> PackedPart:
    """Do with a run what the job does with a part."""
    part = Part(key=PartKey(split=0, part=0), last=True, reviews=run.reviews)
    clean = clean_part(part, recipe.cleaning)
    packed = make_rows(tokenize_part(clean, encoder), recipe.layout)
    packed = replace(packed, index=replace(index_of(clean), labels=None))
    return packed if recipe.masks is None else mask_part(packed, recipe.masks)


def _table(recipe: DatasetRecipe, part: PackedPart) -> pa.Table:
    table = rows_table(
        part.packed.rows,
        vocab_size=recipe.tokenizer.encoder.vocab_size,
        sources=part.index.sources,
        records=part.index.records,
    )
    content_sha256(table)  # The job does, and its time counts.
    return table


def _row_bytes(
    config: JobConfig, tables: Sequence[pa.Table], label_bytes: int
) -> tuple[list[float], float]:
    """Return the bytes that a row of each table takes in a shard, and how wrong they may be."""
    if config.format == "arrow":
        return [table.nbytes / max(1, len(table)) + label_bytes for table in tables], 0.0
    # What is compressed alone comes out larger than as a piece of a shard.
    alone = [_parquet_row_bytes([table]) for table in tables]
    together, of_half = _parquet_row_bytes(tables), _parquet_row_bytes(tables[::2])
    separate = sum(each * len(table) for each, table in zip(alone, tables, strict=True))
    shrunk = together * sum(map(len, tables)) / max(1.0, separate)
    # The more there is, the smaller it may come out still.
    error = max(PARQUET_ERROR, 3 * abs(of_half - together) / max(1.0, together))
    return [each * shrunk for each in alone], error


def _parquet_row_bytes(tables: Sequence[pa.Table]) -> float:
    table = pa.concat_tables(tables)
    return len(shard_bytes(table, "parquet", {})) / max(1, len(table))


def _n_rows(
    recipe: DatasetRecipe, encoder: ReviewTokenizer, sample: Sample, parts: Sequence[PackedPart]
) -> list[float]:
    """Return the rows of each run, as it goes into a part: a fraction, where it ends in a block."""
    n_rows = [len(part.packed.rows) for part in parts]
    if recipe.config.packing == "best_fit":
        # Few reviews fit together less well than many do.
        together = len(_made(recipe, encoder, joined(sample.runs)).packed.rows)
        return [rows * together / max(1, sum(n_rows)) for rows in n_rows]
    if recipe.config.task == "mlm":
        tokens = [part.packed.ledger.tokens for part in parts]
        return [(run.written + run.dropped) / recipe.config.max_length for run in tokens]
    return list(map(float, n_rows))


def _counts(
    config: JobConfig,
    run: SampledReviews,
    part: PackedPart,
    table: pa.Table,
    rows: float,
    n_bytes: float,
) -> dict[str, float]:
    ledger = part.packed.ledger
    tokens = ledger.tokens
    places = len(table["input_ids"].combine_chunks().flatten())
    return {
        "stored": run.stored_bytes,
        "units": run.units,
        "reviews": run.reviews.num_rows,
        "rejected": run.rejected,
        "records": run.reviews.num_rows + run.rejected,
        "text": int(text_lengths(run.reviews).sum()),
        "tokens": tokens.tokenized + tokens.special,
        "rows": rows,
        "places": places,
        "bytes": n_bytes,
        "truncated": 0 if config.task == "mlm" else ledger.reviews.truncated,
        "padding": 0 if config.task == "mlm" else places - tokens.written,
    }
