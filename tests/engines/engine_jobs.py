"""Jobs that cover what a runner can get wrong: orders, tasks, label kinds, formats, side inputs."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests import oracle
from tests.jobs import REVIEWS
from tests.oracle import Dataset, make

SMALL_PARTS = ("--part_bytes", "15000", "--max_length", "64")
CLASSIFICATION = ("--task", "classification")
NAMES = ("bad", "good")


@dataclass(frozen=True, kw_only=True)
class EngineJob:
    """A job, and perhaps one that adds to what it made.

    Attributes:
        reviews: The format of its input; see `write_reviews`.
        options: Its options.
        appended: The format of what is added; None where nothing is.
        n_excluded: How many of its reviews stand in another file, which is excluded.
    """

    reviews: str
    options: Sequence[str]
    appended: str | None = None
    n_excluded: int = 0


JOBS = {
    "mlm": EngineJob(reviews="sample", options=("--task", "mlm", "--validation_fraction", "0.2")),
    "integer labels of CSV, shuffled": EngineJob(
        reviews="numbers.csv", options=(*CLASSIFICATION, "--order", "shuffled")
    ),
    "label names of Parquet, appended": EngineJob(
        reviews="names.parquet",
        options=(*CLASSIFICATION, "--append", "--bad_files", "quarantine"),
        appended="names.csv",
    ),
    "static masks without duplicates and without what is in another file": EngineJob(
        reviews="sample",
        n_excluded=20,
        options=(
            *("--task", "mlm", "--masking", "static", "--order", "shuffled"),
            *("--dedup", "exact", "--strip_html"),
        ),
    ),
}


def write_reviews(folder: Path, kind: str) -> Path:
    """Write the sample's good reviews, and return the file.

    Args:
        folder: Where to.
        kind: `sample` for the sample as it lies, or `numbers` or `names` for the labels, and the
            format: `numbers.csv`, `names.parquet`, ...
    """
    if kind == "sample":
        return REVIEWS
    labels, _, file_format = kind.partition(".")
    rows = [
        {"text": text, "label": label if labels == "numbers" else NAMES[label]}
        for text, label in oracle.sample_reviews()
    ]
    path = folder / kind
    if file_format in ("csv", "tsv"):
        with path.open("w", newline="") as out:
            dialect = "excel" if file_format == "csv" else "excel-tab"
            writer = csv.DictWriter(out, ["text", "label"], dialect=dialect)
            writer.writeheader()
            writer.writerows(rows)
    elif file_format == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def write_excluded(folder: Path, number: int) -> Path:
    """Write the first reviews of the sample to a file of their own, and return it."""
    path = folder / "excluded.jsonl"
    lines = [json.dumps({"text": text}) + "\n" for text in oracle.sample_texts()[:number]]
    path.write_text("".join(lines))
    return path


def run_job(folder: Path, job: EngineJob, *options: str) -> str:
    """Run a job, and what it adds; return the content hash of the dataset."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True)
    output, given = folder / "out", [*job.options, *SMALL_PARTS, *options]
    if job.n_excluded:
        given += ["--exclude", str(write_excluded(folder, job.n_excluded))]
    dataset = make(output, *given, reviews=write_reviews(inputs, job.reviews))
    assert dataset.manifest.ledger.reviews.excluded >= job.n_excluded
    if job.appended is not None:
        write_reviews(inputs, job.appended)
        dataset = make(output, *given, reviews=inputs)
        assert dataset.manifest.ledger.reviews.read > 500
    assert len(dataset.manifest.subsets["train"]) > 4
    return content(dataset)


def content(dataset: Dataset) -> str:
    """Return the content hash of a dataset whose files are as its manifest says."""
    oracle.check_files(dataset)
    return dataset.manifest.content_sha256()
