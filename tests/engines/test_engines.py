"""Real engines make the dataset that this process makes, with their workers here or in a pool."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.engine_jobs import CLASSIFICATION, JOBS, SMALL_PARTS, run_job, write_reviews
from tests.engines.local_engines import LocalEngine
from tests.oracle import make, shared

# Workers in this process have threads that fail as the engine hangs up.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

REVIEWS_2000 = "imdb/sample_2000.parquet"


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the content hash of each job's dataset, made in this process."""
    folder = tmp_path_factory.mktemp("here")
    made = {name: run_job(folder / str(n), job) for n, (name, job) in enumerate(JOBS.items())}
    assert len(set(made.values())) == len(JOBS)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_prism(prism: LocalEngine, contents: dict[str, str], tmp_path: Path, job: str) -> None:
    assert run_job(tmp_path, JOBS[job], *prism.options) == contents[job]


@pytest.mark.slow
def test_prism_with_a_pool_of_workers(
    prism: LocalEngine, workers: LocalEngine, contents: dict[str, str], tmp_path: Path
) -> None:
    options = (*prism.options, *workers.options)
    assert run_job(tmp_path, JOBS["mlm"], *options) == contents["mlm"]


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_flink(flink: LocalEngine, contents: dict[str, str], tmp_path: Path, job: str) -> None:
    assert run_job(tmp_path, JOBS[job], *flink.options) == contents[job]


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_spark(spark: LocalEngine, contents: dict[str, str], tmp_path: Path, job: str) -> None:
    assert run_job(tmp_path, JOBS[job], *spark.options) == contents[job]


@pytest.mark.slow
@pytest.mark.parametrize(
    "job",
    [
        "label names of Parquet, appended",
        "static masks without duplicates and without what is in another file",
    ],
)
def test_flink_cluster(
    flink_cluster: LocalEngine, contents: dict[str, str], tmp_path: Path, job: str
) -> None:
    """What compares reviews or collects labels before it reads, over two task managers."""
    options = (*flink_cluster.options, "--parallelism", "2")
    assert run_job(tmp_path, JOBS[job], *options) == contents[job]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numbers.tsv", "numbers.jsonl", "numbers.parquet", "names.tsv"])
def test_flink_takes_labels_of_every_kind_and_format(
    flink: LocalEngine, tmp_path: Path, kind: str
) -> None:
    reviews = write_reviews(tmp_path, kind)
    options = (*CLASSIFICATION, *SMALL_PARTS)
    expected = make(tmp_path / "here", *options, reviews=reviews)

    made = make(tmp_path / "there", *options, *flink.options, reviews=reviews)

    assert made.manifest.content_sha256() == expected.manifest.content_sha256()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["prism", "flink", "spark"])
@pytest.mark.parametrize("order", ["input", "shuffled"])
def test_2000_reviews(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str, order: str
) -> None:
    running: LocalEngine = request.getfixturevalue(engine)
    options = ("--task", "mlm", "--part_bytes", "200000", "--order", order)
    expected = make(tmp_path / "here", *options, reviews=shared(REVIEWS_2000))

    made = make(tmp_path / "there", *options, *running.options, reviews=shared(REVIEWS_2000))

    assert made.manifest.content_sha256() == expected.manifest.content_sha256()
