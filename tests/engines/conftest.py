"""Each engine runs once for the tests of a file, and only if a test wants it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.local_engines import LocalEngine, local_engine


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    with local_engine("prism", tmp_path_factory.mktemp("prism")) as engine:
        yield engine


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """Flink inside Beam's job server."""
    with local_engine("flink", tmp_path_factory.mktemp("flink")) as engine:
        yield engine


@pytest.fixture(scope="module")
def flink_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """A session cluster of one job manager and two task managers, and a job server."""
    with local_engine("flink-cluster", tmp_path_factory.mktemp("flink-cluster")) as engine:
        yield engine


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """Spark inside Beam's job server."""
    with local_engine("spark", tmp_path_factory.mktemp("spark"), SLOTS="2") as engine:
        yield engine


@pytest.fixture(scope="module")
def spark_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """A standalone master, a worker, and a job server."""
    folder = tmp_path_factory.mktemp("spark-cluster")
    with local_engine("spark-cluster", folder, SLOTS="2") as engine:
        yield engine


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """A pool of Beam's Python workers."""
    with local_engine("workers", tmp_path_factory.mktemp("workers")) as engine:
        yield engine
