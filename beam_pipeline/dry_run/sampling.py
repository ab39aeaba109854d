"""A sample of the inputs: runs of reviews, evenly spread over the files and inside them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.splitting import sized_files
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.formats import INDEXED
from transforms.functional.reviews.reviews import REVIEW_SCHEMA, text_lengths
from transforms.functional.reviews.splits import SizedFile, Split, plan_splits
from transforms.reading import read_split_chunks

RUNS = 32
RUN_BYTES = 1 << 18  # Of text.
FILES = 256
# What is read of a split at most; a compressed file, which is one split, may hold any amount.
READ_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """Consecutive reviews from somewhere in the inputs.

    Attributes:
        reviews: Rows of `REVIEW_SCHEMA`.
        rejected: Records that were no reviews, in as much of the inputs.
        stored_bytes: Bytes of the inputs that they stand for.
        weight: How many times as many reviews stand for these bytes.
        guessed: True where `stored_bytes` is a guess: a compressed file was read in part.
    """

    reviews: pa.RecordBatch
    rejected: float
    stored_bytes: float
    weight: float
    guessed: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Runs, what it took to read them, and whether they are all that there is."""

    runs: list[Run]
    read_bytes: int
    read_seconds: float
    is_all: bool


def take_sample(config: JobConfig, plan: Plan) -> Sample:
    """Read some splits, as small as the inputs can be cut, and take runs of reviews from each."""
    started = time.monotonic()
    places = _evenly(len(plan.sizes), FILES)
    grain = max(RUN_BYTES, plan.text_bytes // 4096)
    fine = replace(config, part_bytes=grain)
    files = [plan.files[place] for place in places]
    sizes = list(sized_files(fine, [plan.sizes[place].file for place in places], files))
    splits = list(plan_splits(sizes, grain))
    chosen = _evenly(len(splits), RUNS)
    by_source = {size.file.source: size for size in sizes}
    runs: list[Run] = []
    read_bytes = 0
    for place in chosen:
        n_runs = -(-RUNS // len(chosen))
        n_bytes, found = _runs_of(config, splits[place], by_source, n_runs)
        read_bytes += n_bytes
        runs += found
    all_read = len(chosen) == len(splits) and len(places) == len(plan.sizes)
    return Sample(
        runs=runs,
        read_bytes=read_bytes,
        read_seconds=time.monotonic() - started,
        is_all=all_read and all(run.weight == 1 and not run.guessed for run in runs),
    )


def _evenly(n: int, most: int) -> list[int]:
    """Return at most so many of n places, evenly spread."""
    step = max(1.0, n / most)
    return [int((place + 0.5) * step) for place in range(min(n, most))]


def _runs_of(
    config: JobConfig, split: Split, sizes: dict[int, SizedFile], n_runs: int
) -> tuple[int, list[Run]]:
    """Return how much text of a split was read, and runs of its reviews."""
    batches: list[pa.RecordBatch] = []
    n_rejected = n_bytes = 0
    complete = True
    columns = ReviewColumns(text=config.text_column)
    for chunk in read_split_chunks(split, columns, config.sample_by):
        if n_bytes >= READ_BYTES:
            complete = False
            break
        batches.append(chunk.reviews)
        n_rejected += len(chunk.rejected)
        n_bytes += int(text_lengths(chunk.reviews).sum())
    reviews = pa.Table.from_batches(batches, REVIEW_SCHEMA)
    stored, guessed = _stored_bytes(split, sizes, n_bytes, reviews, complete)
    # Where all records are rejected, one empty run says so.
    n_runs = n_runs if reviews.num_rows else 1
    bounds = np.linspace(0, reviews.num_rows, n_runs + 1).astype(int).tolist()
    runs = []
    for start, end in pairwise(bounds):
        if start == end and n_runs > 1:
            continue
        batch = _one_batch(reviews.slice(start, end - start))
        taken = int(np.searchsorted(np.cumsum(text_lengths(batch)), RUN_BYTES, "left")) + 1
        share = (end - start) / reviews.num_rows if reviews.num_rows else 1.0
        runs.append(
            Run(
                reviews=batch.slice(0, taken),
                rejected=n_rejected * share,
                stored_bytes=stored * share,
                weight=max(1.0, (end - start) / taken),
                guessed=guessed,
            )
        )
    return n_bytes, runs


def _stored_bytes(
    split: Split, sizes: dict[int, SizedFile], n_bytes: int, reviews: pa.Table, complete: bool
) -> tuple[float, bool]:
    """Return the bytes of the inputs that were read, and True where that is a guess."""
    stored = rows = 0.0
    for part in split.files:
        file = sizes[part.source]
        n_rows = sum(group.rows for group in file.groups)
        if n_rows:
            mine = sum(group.rows for group in file.groups[part.start : part.end])
            stored += file.bytes * mine / n_rows
            rows += mine
        elif part.end is not None and part.format not in INDEXED:
            stored += part.end - part.start
        else:
            stored += file.bytes
    if complete:
        return stored, False
    if rows:
        return stored * reviews.num_rows / rows, False
    first = sizes[split.files[0].source]
    if first.cut_at_lines:
        records = reviews.column("record").to_numpy()
        return float(records[-1] - records[0]), False
    text = sum(sizes[part.source].text_bytes for part in split.files)
    return stored * min(1.0, n_bytes / max(1, text)), True


def _one_batch(reviews: pa.Table) -> pa.RecordBatch:
    batches: list[pa.RecordBatch] = reviews.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], REVIEW_SCHEMA)
