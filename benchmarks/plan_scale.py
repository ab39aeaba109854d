"""What a plan and a manifest cost at the size of a cluster: a million files, 100 TB, no file read.

    python -m benchmarks.plan_scale --files 1000000

The files exist only as a listing: a file system of fsspec that serves one review again and again.
Everything else is the job's own code: listing, planning, the plan's files, the graph, the receipts
of every part, the manifest written and read again. CPU seconds and the peak of memory so far.
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import apache_beam as beam
import fsspec
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions
from fsspec import AbstractFileSystem

from beam_pipeline.graph.build import JobGraph
from beam_pipeline.options.config import JobConfig
from beam_pipeline.output.finished import is_finished
from beam_pipeline.plan.plan_files import PlanFiles, write_plan
from beam_pipeline.plan.planning import Plan, make_plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from transforms import storage
from transforms.functional.dataset.commit import complete_manifest
from transforms.functional.dataset.manifest_entries import InputEntry, ShardEntry
from transforms.functional.dataset.receipts import shard_path
from transforms.functional.elements import ReadReceipt, ShardReceipt
from transforms.functional.figures.review_statistics import (
    LONGEST_COUNTED,
    ReviewStatistics,
    merge,
)
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.records import Records
from transforms.functional.reviews.reviews import PartKey
from transforms.reading import read_plan
from transforms.storage.generations import publish, read_manifest

FILE_BYTES = 100_000_000
REVIEW = b'{"text": "A film."}\n'


class ListedFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """A bucket of equal files, of which only the names and sizes exist."""

    protocol = "listed"
    n_files = 0

    def _entry(self, name: str) -> dict[str, Any]:
        return {"name": name, "size": FILE_BYTES, "type": "file", "ETag": f'"{hash(name):032x}"'}

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """Return what a store says of a file or folder."""
        if path.endswith(".jsonl"):
            return self._entry(path)
        return {"name": path, "size": 0, "type": "directory"}

    def find(self, path: str, detail: bool = False, **options: Any) -> Any:
        """Return the listing of all files."""
        names = (f"{path}/night-{i // 1000:04d}/{i:07d}.jsonl" for i in range(self.n_files))
        return {name: self._entry(name) for name in names}

    def cat_file(self, path: str, start: int = 0, end: int | None = None, **options: Any) -> bytes:
        """Return reviews, whichever range is asked."""
        n_bytes = (FILE_BYTES if end is None else end) - (start or 0)
        return (REVIEW * (n_bytes // len(REVIEW) + 1))[:n_bytes]

    def _open(self, path: str, mode: str = "rb", **options: Any) -> io.BytesIO:
        return io.BytesIO(REVIEW)


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Print the CPU seconds of a step, and the peak of memory at its end."""
    started = time.process_time()
    yield
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"| {what} | {seconds:.2f} | {peak:.2f} |", flush=True)


def read_receipts(plan: Plan) -> Iterator[ReadReceipt]:
    """Yield what workers send for parts of 30,000 reviews."""
    for split in plan.splits:
        key = PartKey(split=split.number, part=0)
        yield ReadReceipt(key=key, last=True, reviews=ReviewCounts(read=30_000))


def shard_receipts(plan: Plan) -> Iterator[ShardReceipt]:
    """Yield the receipts of their shards."""
    for split in plan.splits:
        key = PartKey(split=split.number, part=0)
        shard = ShardEntry(
            path=shard_path("train", key, "arrow", plan.generation),
            split=key.split,
            part=0,
            rows=15_000,
            tokens=7_500_000,
            reviews=30_000,
            bytes=20_000_000,
            sha256=f"{hash((key, 1)) % 2**64:064x}",
            content_sha256=f"{hash((key, 2)) % 2**64:064x}",
        )
        ledger = Ledger(
            reviews=ReviewCounts(written=30_000),
            tokens=TokenCounts(tokenized=7_500_000, written=7_500_000),
        )
        yield ShardReceipt(shard=shard, subset="train", ledger=ledger)


def statistics(plan: Plan) -> Iterator[ReviewStatistics]:
    """Yield what is counted of parts of 30,000 different reviews."""
    hashes = np.random.default_rng(0).integers(2**62, size=30_000).astype(np.uint64)
    counted = ReviewStatistics(
        token_counts=np.ones(30_522, np.int64),
        length_counts=np.ones(LONGEST_COUNTED + 1, np.int64),
        longest=3_000,
        words=6_000_000,
        text_bytes=25_000_000,
    )
    for split in plan.splits:
        yield replace(counted, text_hashes=(hashes + np.uint64(split.number),))


def graph_bytes(recipe: DatasetRecipe, plan: Plan, files: PlanFiles) -> int:
    """Return the size of the job's graph, as an engine gets it."""
    pipeline = beam.Pipeline(options=PipelineOptions([]))
    JobGraph(recipe=recipe, plan=plan, files=files).add_to(pipeline)
    return len(pipeline.to_runner_api().SerializeToString())


def main() -> None:
    """Measure each step."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--tokenizer", default="tests/sample/tokenizer")
    options = parser.parse_args()
    ListedFileSystem.n_files = options.files
    fsspec.register_implementation("listed", ListedFileSystem)
    with tempfile.TemporaryDirectory() as output:
        config = JobConfig(
            input=("listed://bucket",), output=output, tokenizer=options.tokenizer, task="mlm"
        )
        recipe = DatasetRecipe(config=config, tokenizer=load_tokenizer(options.tokenizer))
        print(f"{options.files:,} files, {options.files * FILE_BYTES / 1e12:,.1f} TB\n")
        print("| step | CPU s | peak GB |\n| --- | --- | --- |")
        with measured("list and plan"):
            plan = make_plan(config)
        with measured(f"write the plan: {len(plan.splits):,} splits"):
            files = write_plan(output, plan, "0" * 16)
        with measured("build the graph"):
            size = graph_bytes(recipe, plan, files)
        with measured("a worker reads 10,000 of its splits"):
            assert len(list(read_plan(files.splits[0], {}))) == min(10_000, len(plan.splits))
        with measured("add up what the workers counted"):
            merge(statistics(plan))
        draft = recipe.manifest_draft(plan)
        with measured("receipts to manifest"):
            inputs = Records.from_parquet(InputEntry, storage.read_bytes(files.inputs))
            manifest = complete_manifest(draft, inputs, read_receipts(plan), shard_receipts(plan))
        with measured(f"write the manifest: {len(manifest.subsets['train']):,} shards"):
            publish(output, manifest)
        with measured("read it"):
            manifest = read_manifest(output)
        with measured("compare it with the inputs of a next run"):
            assert is_finished(recipe, plan, manifest)
        manifests = storage.list_files(storage.join(output, "manifests"))
        sizes = {
            name: len(storage.read_bytes(storage.join(output, name)))
            for name in ("manifest.json", *(f"manifests/{name}" for name in manifests))
        }
    print(f"\nThe graph: {size:,} bytes.")
    for name, n_bytes in sizes.items():
        print(f"{name}: {n_bytes / 1e6:,.1f} MB")


if __name__ == "__main__":
    main()
