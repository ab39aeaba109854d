"""Workers of a pool behind a job service make the dataset that this process makes.

Worker processes of the local engine are in tests/test_determinism.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import oracle
from tests.engines.services import Portable, portable_services
from tests.jobs import REVIEWS
from tests.oracle import Dataset, make

SMALL_PARTS = ("--part_bytes", "15000", "--validation_fraction", "0.2")
MLM = ("--task", "mlm", "--max_length", "64")
CLASSIFICATION = ("--task", "classification", "--max_length", "64")
SHUFFLED = ("--order", "shuffled")
# The names take a pass of their own, whose result goes to every reader.
NAMES = ("--label_column", "name")
JOBS = {
    "mlm": MLM,
    "mlm shuffled": (*MLM, *SHUFFLED),
    "classification": (*CLASSIFICATION, *NAMES),
    "classification shuffled": (*CLASSIFICATION, *SHUFFLED),
}


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oracle.write_two_files(tmp_path_factory.mktemp("reviews"))


@pytest.fixture(scope="module")
def contents(reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the content hash of each job's dataset, made in this process."""
    folder = tmp_path_factory.mktemp("in-memory")
    made = {
        name: make(folder / name, *job, *SMALL_PARTS, reviews=reviews) for name, job in JOBS.items()
    }
    assert len({content(dataset) for dataset in made.values()}) == len(JOBS)
    assert all(len(dataset.manifest.subsets["train"]) > 4 for dataset in made.values())
    return {name: content(dataset) for name, dataset in made.items()}


def content(dataset: Dataset) -> str:
    oracle.check_files(dataset)
    return dataset.manifest.content_sha256()


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portable]:
    with portable_services(tmp_path_factory.mktemp("services")) as services:
        yield services


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_a_worker_pool(
    contents: dict[str, str], reviews: Path, tmp_path: Path, portable: Portable, job: str
) -> None:
    made = make(tmp_path / "out", *JOBS[job], *SMALL_PARTS, *portable.options, reviews=reviews)

    assert content(made) == contents[job]


@pytest.mark.slow
def test_paths_are_those_of_the_launcher_s_folder(
    tmp_path: Path, portable: Portable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool was started in another one."""
    monkeypatch.chdir(tmp_path)
    Path("inputs").mkdir()
    Path("inputs", "reviews.jsonl").write_bytes(REVIEWS.read_bytes())
    given = Path("inputs", "..", "inputs", "reviews.jsonl")

    made = make(Path("out"), *MLM, *SMALL_PARTS, *portable.options, reviews=given)

    (entry,) = made.manifest.inputs
    assert entry.path == str(tmp_path / "inputs" / "reviews.jsonl")
