"""A sample of the inputs: runs of reviews, evenly spread over the files and inside them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import IO

import numpy as np
import pyarrow as pa

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.input_files import sized_files
from beam_pipeline.plan.planning import Plan
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import INDEXED
from transforms.functional.readers.read_file import read_file
from transforms.functional.reviews.reviews import REVIEW_SCHEMA, ReviewChunk, text_lengths
from transforms.functional.reviews.splits import SizedFile, plan_splits
from transforms.storage.input_files import open_files

RUNS = 128
RUN_BYTES = 1 << 16  # Of text.
READ_BYTES = 64 << 20  # Of text, in all.
# Where there are more files, the indexes of small Parquet and Arrow files are left alone.
MOST_INDEXES = 256
MOST_SPLITS = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledReviews:
    """Consecutive reviews from somewhere in the inputs.

    Attributes:
        reviews: Rows of `REVIEW_SCHEMA`.
        rejected: Records between them that were no reviews.
        stored_bytes: Bytes of the inputs that all of these take.
        units: Rows of indexed files, or other files, that all of these take: see `Sample.n_units`.
    """

    reviews: pa.RecordBatch
    rejected: float
    stored_bytes: float
    units: float


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Runs, and what it took to read them.

    Attributes:
        runs: The runs.
        n_units: Rows of indexed files and number of others, in all inputs.
        read_bytes: Bytes of text that were read; the runs hold some of them.
        read_seconds: How long that took.
        walk_seconds: How long it took to get to files in archives that are read from their start:
            the job takes as long for all of them.
        is_all: True where the runs are all that there is.
        cut_short: Files that can only be read from their start, of which the rest was not read.
    """

    runs: list[SampledReviews]
    n_units: int
    read_bytes: int
    read_seconds: float
    walk_seconds: float
    is_all: bool
    cut_short: int


def take_sample(config: JobConfig, plan: Plan) -> Sample:
    """Read some splits, as small as the inputs can be cut, and take runs of reviews from them."""
    started = time.monotonic()
    sizes = _sizes(config, plan)
    walked = {size.file.source for size in plan.splits.sizes if size.archive is not None}
    splits = list(
        plan_splits(sizes.values(), max(RUN_BYTES, plan.splits.text_bytes // MOST_SPLITS))
    )
    step = max(1.0, len(splits) / RUNS)
    chosen = [splits[int((n + 0.5) * step)] for n in range(min(RUNS, len(splits)))]
    most = max(RUN_BYTES, READ_BYTES // max(1, len(chosen)))
    places = {
        (file.source, file.start): n for n, split in enumerate(chosen) for file in split.files
    }
    read: list[list[SampledReviews]] = [[] for _ in chosen]
    cut_short, walk_seconds = 0, 0.0
    last = time.monotonic()
    # In one go, so that an archive is walked through once.
    for file, stream in open_files([file for split in chosen for file in split.files]):
        if file.source in walked:
            walk_seconds += time.monotonic() - last
        run, ended = read_some(config, sizes[file.source], file, stream, most)
        read[places[file.source, file.start]].append(run)
        cut_short += not ended
        last = time.monotonic()
    seconds = time.monotonic() - started - walk_seconds
    stretches = [joined(runs) for runs in read]
    runs = [run for stretch in stretches for run in _cut(stretch, -(-RUNS // len(chosen)))]
    n_reviews = [sum(run.reviews.num_rows for run in found) for found in (runs, stretches)]
    return Sample(
        runs=runs,
        n_units=_n_units(sizes.values()),
        read_bytes=sum(int(text_lengths(stretch.reviews).sum()) for stretch in stretches),
        read_seconds=seconds,
        walk_seconds=walk_seconds,
        is_all=len(chosen) == len(splits) and not cut_short and n_reviews[0] == n_reviews[1],
        cut_short=cut_short,
    )


def _sizes(config: JobConfig, plan: Plan) -> dict[int, SizedFile]:
    """Return the sizes of the files, with more indexes than the job needs; archives fall apart."""
    sizes = list(plan.splits.sizes)
    if len(sizes) <= MOST_INDEXES:
        fine = replace(config, part_bytes=RUN_BYTES)
        sizes = list(sized_files(fine, [size.file for size in sizes], plan.files))
    return {size.file.source: replace(size, archive=None) for size in sizes}


def _n_units(sizes: Iterable[SizedFile]) -> int:
    """Return how many rows indexes name, and how many files have no index.

    Many a file holds one review: their number then tells more than their bytes do.
    """
    return sum(sum(group.rows for group in size.groups) if size.groups else 1 for size in sizes)


def read_some(
    config: JobConfig, size: SizedFile, file: FileRange, stream: IO[bytes], most: int
) -> tuple[SampledReviews, bool]:
    """Return up to about `most` bytes of text; False where no other split reads the rest."""
    chunks: list[ReviewChunk] = []
    n_bytes = 0
    stored, ended = size.stored_bytes(file), True
    for chunk in read_file(stream, file, ReviewColumns(text=config.text_column), config.sample_by):
        chunks.append(chunk)
        n_bytes += int(text_lengths(chunk.reviews).sum())
        if n_bytes < most:
            continue
        if size.groups:
            n_rows = sum(group.rows for group in size.groups[file.start : file.end])
            stored *= sum(chunk.reviews.num_rows for chunk in chunks) / max(1, n_rows)
            break
        if file.format not in INDEXED:
            taken = stream.tell() - file.start
            stored, ended = min(stored, taken), size.cut_at_lines or taken >= stored
            break
    reviews = _one_batch([chunk.reviews for chunk in chunks])
    n_rejected = sum(len(chunk.rejected) for chunk in chunks)
    n_records = reviews.num_rows + n_rejected
    run = SampledReviews(
        reviews=reviews,
        rejected=n_rejected,
        stored_bytes=stored,
        units=n_records if size.groups else stored / size.bytes if size.bytes else 1.0,
    )
    return run, ended


def joined(runs: Sequence[SampledReviews]) -> SampledReviews:
    """Return runs as one."""
    return SampledReviews(
        reviews=_one_batch([run.reviews for run in runs]),
        rejected=sum(run.rejected for run in runs),
        stored_bytes=sum(run.stored_bytes for run in runs),
        units=sum(run.units for run in runs),
    )


def _cut(stretch: SampledReviews, n_runs: int) -> Iterator[SampledReviews]:
    """Yield `n_runs` runs of at most `RUN_BYTES`, evenly spread over a stretch."""
    reviews = stretch.reviews
    text = np.concatenate([[0], np.cumsum(text_lengths(reviews))])
    if not text[-1]:
        yield stretch
        return
    for start, end in pairwise(np.searchsorted(text, np.linspace(0, text[-1], n_runs + 1))):
        # Of reviews that are longer than a run's share of the text, some runs get none.
        most = int(np.searchsorted(text, text[start] + RUN_BYTES))
        stop = min(int(end), max(int(start) + 1, most))
        share = (text[stop] - text[start]) / text[-1]
        if share:
            yield SampledReviews(
                reviews=reviews.slice(start, stop - start),
                rejected=stretch.rejected * share,
                stored_bytes=stretch.stored_bytes * share,
                units=stretch.units * (stop - start) / reviews.num_rows,
            )


def _one_batch(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    whole = pa.Table.from_batches(batches, REVIEW_SCHEMA).combine_chunks().to_batches()
    return whole[0] if whole else pa.RecordBatch.from_pylist([], REVIEW_SCHEMA)
