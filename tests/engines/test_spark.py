"""What is peculiar to Spark: one job at a time, executors that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.local_engines import LocalEngine
from tests.engines.services import WORKER, children
from tests.jobs import REVIEWS, arguments, start
from tests.oracle import Dataset, make
from tests.paths import ROOT
from tests.waiting import wait_for

# Workers in this process have threads that fail as the engine hangs up.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

# Kept for the next of a job's stages, and one worker process for each of the executor's cores.
POOL = ("--environment_cache_millis", "2000", "--sdk_worker_parallelism", "2")
# Shards by the hundred, so that it is killed in the middle of them.
LONG = ("--task", "mlm", "--part_bytes", "1000", "--max_length", "16")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reviews for some minutes, in parts of 1,000 bytes."""
    path = tmp_path_factory.mktemp("many") / "many.jsonl"
    path.write_bytes(REVIEWS.read_bytes() * 20)
    return path


@pytest.mark.slow
def test_a_job_on_a_busy_job_server_says_so_and_ctrl_c_ends_the_other(
    spark: LocalEngine, many: Path, tmp_path: Path
) -> None:
    first = start(tmp_path / "first", *LONG, *spark.options, reviews=many)
    try:
        wait_for("shard", lambda: list((tmp_path / "first").glob("train/*/*.arrow")))
        command = arguments(tmp_path / "second", *LONG, *spark.options)
        second = subprocess.run(
            [sys.executable, "-m", "beam_pipeline", *command],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        first.send_signal(signal.SIGINT)
        assert first.wait(120) == 130
    finally:
        first.kill()

    assert second.returncode == 1
    (error,) = [line for line in second.stderr.splitlines() if line.startswith("error: ")]
    assert "Only one SparkContext" in error
    assert not list(tmp_path.glob("*/lease.json"))


@pytest.mark.slow
def test_on_a_cluster_whose_executor_and_worker_are_killed(
    spark_cluster: LocalEngine, workers: LocalEngine, tmp_path: Path
) -> None:
    reviews = tmp_path / "reviews.jsonl"
    reviews.write_bytes(REVIEWS.read_bytes() * 3)
    expected = make(tmp_path / "here", *LONG, reviews=reviews)
    output = tmp_path / "there"

    engine = (*spark_cluster.options, *workers.options, *POOL)
    job = start(output, *LONG, *engine, reviews=reviews)
    try:
        wait_for("shard", lambda: list(output.glob("train/*/*.arrow")))
        os.kill(children(workers.process("workers"), WORKER)[0], signal.SIGKILL)
        worker = spark_cluster.process("spark-worker")
        os.kill(children(worker, "CoarseGrainedExecutorBackend")[0], signal.SIGKILL)
        assert not (output / "manifest.json").exists()
        assert job.wait(600) == 0
    finally:
        job.kill()

    made = Dataset(output)
    assert made.manifest.content_sha256() == expected.manifest.content_sha256()
    assert rejected(output) == rejected(tmp_path / "here")
    # Each part once, also where its shard lay there when its worker was started again.
    assert reviews_of_report(output) == reviews_of_report(tmp_path / "here")


def rejected(output: Path) -> list[bytes]:
    """Return the rejected records of a dataset, sorted."""
    files = (output / "rejected").rglob("*.jsonl")
    return sorted(line for file in files for line in file.read_bytes().splitlines())


def reviews_of_report(output: Path) -> int:
    """Return how many reviews the figures of a report are of."""
    reviews: int = json.loads((output / "report.json").read_text())["measured"]["reviews"]
    return reviews
