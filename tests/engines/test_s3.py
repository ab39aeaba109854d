"""Engines read reviews from S3 and write the dataset there: night by night, as on this disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beam_pipeline import verify
from beam_pipeline.__main__ import main
from tests.engines.local_engines import LocalEngine, local_engine
from tests.jobs import IN_MEMORY, REVIEWS, arguments
from tests.oracle import shared
from tests.stores.servers import Store, in_environment, s3
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.storage.generations import read_manifest

# Workers in this process have threads that fail as the engine hangs up.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

OPTIONS = ("--task", "mlm", "--part_bytes", "100000", "--append")
# An option that only Beam's job server for Spark knows.
OF_JOB_SERVER = ("--storage_level", "MEMORY_ONLY")
# One slot of each task manager; both share the pool.
BOTH_SLOTS = ("--parallelism", "2")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with s3(tmp_path_factory.mktemp("store")) as store, in_environment(store.environment):
        yield store


@pytest.fixture(scope="module")
def pool_with_keys(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """A pool of workers that have the store's keys."""
    folder = tmp_path_factory.mktemp("pool")
    with local_engine("workers", folder, **store.environment) as pool:
        yield pool


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the content hash of the dataset that this process makes on this disk."""
    return two_nights(str(tmp_path_factory.mktemp("disk")), IN_MEMORY).content_sha256()


def two_nights(folder: str, engine: tuple[str, ...]) -> Manifest:
    """Put the sample into a folder and run a job, then the 2,000 reviews and run it again."""
    source, output = storage.join(folder, "in"), storage.join(folder, "out")
    nights = {"0.jsonl": REVIEWS, "1.parquet": shared("imdb/sample_2000.parquet")}
    for name, reviews in nights.items():
        storage.write_atomic(storage.join(source, name), Path(reviews).read_bytes())
        assert main(arguments(output, *OPTIONS, *engine, reviews=source)) == 0
    assert verify.main([output]) == 0
    manifest = read_manifest(output)
    assert len(manifest.inputs) == len(nights)
    assert len(manifest.subsets["train"]) > 20
    for left in ("plan", "lease.json"):
        assert not storage.exists(storage.join(output, left))
    return manifest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "options"), [("prism", ()), ("flink", ()), ("spark", OF_JOB_SERVER)]
)
def test_workers_here(
    request: pytest.FixtureRequest,
    store: Store,
    on_disk: str,
    engine: str,
    options: tuple[str, ...],
) -> None:
    running: LocalEngine = request.getfixturevalue(engine)

    made = two_nights(store.url(engine), (*running.options, *options))

    assert made.content_sha256() == on_disk


@pytest.mark.slow
def test_a_pool_of_workers_on_a_flink_cluster(
    flink_cluster: LocalEngine, pool_with_keys: LocalEngine, store: Store, on_disk: str
) -> None:
    engine = (*flink_cluster.options, *pool_with_keys.options, *BOTH_SLOTS)

    assert two_nights(store.url("cluster"), engine).content_sha256() == on_disk
