"""Each engine runs once for the tests of a file, and only if a test wants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.beam_pipeline.jobs import REVIEWS, run
from tests.engines.local_engines import LocalEngine, local_engine
from tests.engines.long_jobs import LONG
from tests.oracle import Dataset


def _engine(engine: str, **environment: str) -> Any:
    """Return a fixture that runs an engine of `deploy/local/engines.sh`."""

    @pytest.fixture(scope="module")
    def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
        with local_engine(engine, tmp_path_factory.mktemp(engine), **environment) as started:
            yield started

    return running


prism = _engine("prism")
# Flink inside Beam's job server.
flink = _engine("flink")
# One job manager, two task managers, and a job server.
flink_cluster = _engine("flink-cluster")
# Spark inside Beam's job server.
spark = _engine("spark", SLOTS="2")
# A standalone master, a worker, and a job server.
spark_cluster = _engine("spark-cluster", SLOTS="2")
# A pool of Python workers, which several task managers may share.
workers = _engine("workers")


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the reviews of a long job."""
    path = tmp_path_factory.mktemp("reviews") / "many.jsonl"
    path.write_bytes(REVIEWS.read_bytes() * 2)
    return path


@pytest.fixture(scope="module")
def undisturbed(reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the content hash of a long job that nothing happened to."""
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    assert run(output, *LONG, reviews=reviews) == 0
    return Dataset(output).manifest.content_sha256()
