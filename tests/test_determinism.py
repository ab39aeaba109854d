"""The same inputs and options give the same manifest and shards, whoever runs them and how."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from itertools import chain, pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from tests import jobs, oracle
from tests.beam_pipeline.jobs import NOT_COMPARED
from tests.oracle import Dataset, make
from tests.paths import ROOT
from transforms.functional.reviews.reviews import REVIEW_SCHEMA, Part, PartKey
from transforms.functional.reviews.shuffling import cut_buckets, join_bucket

# Several splits, and several parts in some of them.
SMALL_PARTS = ("--part_bytes", "15000")
JOBS = {
    "mlm": ("--task", "mlm", "--max_length", "64", "--validation_fraction", "0.2"),
    "mlm static": ("--task", "mlm", "--max_length", "64", "--masking", "static"),
    "mlm shuffled": ("--task", "mlm", "--max_length", "64", "--order", "shuffled"),
    # The names take a pass of their own, whose result goes to every reader.
    "classification by name": (
        *("--task", "classification", "--max_length", "64", "--label_column", "name"),
    ),
    "classification shuffled": (
        *("--task", "classification", "--max_length", "64", "--padding", "longest"),
        *("--order", "shuffled", "--validation_fraction", "0.2"),
    ),
}


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oracle.write_two_files(tmp_path_factory.mktemp("reviews"))


@pytest.fixture(scope="module")
def datasets(reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Return each job's dataset, made in this process."""
    folder = tmp_path_factory.mktemp("in-memory")
    return {
        name: make(folder / name, *options, *SMALL_PARTS, reviews=reviews)
        for name, options in JOBS.items()
    }


def files_of(dataset: Dataset) -> dict[str, bytes]:
    """Return every file of a dataset but those of `NOT_COMPARED`."""
    return {
        str(path.relative_to(dataset.folder)): path.read_bytes()
        for path in sorted(dataset.folder.rglob("*"))
        if path.is_file() and not path.name.endswith(NOT_COMPARED)
    }


@pytest.mark.parametrize("job", JOBS)
def test_the_jobs_are_not_trivial(datasets: dict[str, Dataset], job: str) -> None:
    manifest = datasets[job].manifest

    assert len(manifest.subsets["train"]) > 4
    assert len({shard.split for shard in manifest.subsets["train"]}) > 2
    assert len(manifest.inputs) == 2
    assert manifest.rows("train") > 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("job", "n_workers"),
    [
        ("mlm", "1"),
        ("mlm static", "2"),
        ("mlm shuffled", "2"),
        ("classification by name", "3"),
        ("classification shuffled", "4"),
    ],
)
def test_worker_processes_make_the_same_files(
    datasets: dict[str, Dataset], reviews: Path, tmp_path: Path, job: str, n_workers: str
) -> None:
    mode = ("--direct_running_mode", "multi_processing", "--direct_num_workers", n_workers)
    made = make(tmp_path / "out", *JOBS[job], *SMALL_PARTS, *mode, reviews=reviews)

    assert files_of(made) == files_of(datasets[job])


@pytest.mark.parametrize("job", ["mlm static", "classification shuffled"])
def test_a_rerun_keeps_everything_and_overwrite_makes_it_again(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], job: str
) -> None:
    arguments = (*JOBS[job], *SMALL_PARTS)
    first = make(tmp_path / "out", *arguments, reviews=reviews)
    files, times = files_of(first), times_of(tmp_path / "out")
    capsys.readouterr()

    again = make(tmp_path / "out", *arguments, reviews=reviews)
    assert "nothing to do" in capsys.readouterr().out
    assert times_of(tmp_path / "out") == times
    assert files_of(again) == files

    replaced = make(tmp_path / "out", *arguments, "--overwrite", reviews=reviews)
    assert "nothing to do" not in capsys.readouterr().out
    assert times_of(tmp_path / "out") != times
    assert replaced.manifest.generation == 2
    assert shards_of(files_of(replaced), 2) == shards_of(files, 1) != {}
    assert replaced.manifest.content_sha256() == first.manifest.content_sha256()

    in_place = make(tmp_path / "out", *arguments, "--overwrite=in_place", reviews=reviews)
    assert files_of(in_place) == files


def shards_of(files: dict[str, bytes], generation: int) -> dict[str, bytes]:
    """Return the shards, all of one generation, by their paths without it."""
    found = {name: data for name, data in files.items() if name.endswith(".arrow")}
    assert all(f"/{generation:06d}/" in name for name in found)
    return {name.replace(f"/{generation:06d}/", "/"): data for name, data in found.items()}


def times_of(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_seed_of_pythons_hashes_changes_nothing(tmp_path: Path) -> None:
    manifests = set()
    for hash_seed in ("1", "2"):
        output = tmp_path / hash_seed
        subprocess.run(
            [
                *(sys.executable, "-m", "beam_pipeline", "--task", "classification"),
                *("--input", jobs.REVIEWS, "--tokenizer", jobs.TOKENIZER),
                *("--output", output, "--max_length", "64", "--order", "shuffled"),
                *(*SMALL_PARTS, "--validation_fraction", "0.3"),
            ],
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.DEVNULL,
        )
        manifests.add((output / "manifest.json").read_bytes())

    assert len(manifests) == 1


def test_the_manifest_names_neither_time_nor_host_nor_output(
    datasets: dict[str, Dataset],
) -> None:
    for dataset in datasets.values():
        document = json.loads((dataset.folder / "manifest.json").read_text("utf-8"))
        # The inputs' paths may hold anything; the test's own folder is in them.
        del document["inputs"]
        text = json.dumps(document)
        assert str(dataset.folder.parent) not in text
        assert os.uname().nodename not in text
        assert not re.search(r"\d\d:\d\d|20\d\d-\d\d", text)
        for split in document["splits"].values():
            for shard in split["shards"]:
                assert not Path(shard["path"]).is_absolute()
                assert (dataset.folder / shard["path"]).is_file()


# --- what the bytes are: a change here is a change of the format ---


@pytest.mark.parametrize(
    ("options", "content_sha256"),
    [
        (
            ("--task", "mlm"),
            "7a9f75b9403c73c1208fc670544afab451c6b564373120964e61c6327d2d7e0c",
        ),
        (
            ("--task", "mlm", "--masking", "static", "--whole_word_masking", "--order", "shuffled"),
            "af0222b8bf65d23b38194f3840976bac6288f6d05582f8d09d9303b5719172cf",
        ),
        (
            ("--task", "classification", "--padding", "longest", "--validation_fraction", "0.1"),
            "2c53b02bc143b5551821626c7fc923d71a02fc6884f938c3d3c09b66a683e7e7",
        ),
    ],
)
def test_the_content_of_the_sample_is_what_it_always_was(
    tmp_path: Path, options: tuple[str, ...], content_sha256: str
) -> None:
    dataset = make(tmp_path / "out", *options, "--max_length", 128, "--seed", 7)

    # Where this fails on purpose: raise FORMAT_VERSION, and say so in the changelog.
    assert dataset.manifest.content_sha256() == content_sha256


# --- the shuffle, without a pipeline ---


def parts_of(texts: list[str], n_parts: int) -> list[Part]:
    """Return parts whose review `r` has record `10 * r`."""
    rows = [
        {"text": text, "label": None, "source": r % 2, "record": 10 * r}
        for r, text in enumerate(texts)
    ]
    size = -(-len(rows) // n_parts)
    batches = [rows[i : i + size] for i in range(0, len(rows), size)]
    return [
        Part(
            key=PartKey(split=0, part=number),
            last=number == len(batches) - 1,
            reviews=reviews_of(batch),
        )
        for number, batch in enumerate(batches)
    ]


def reviews_of(rows: list[dict[str, object]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, REVIEW_SCHEMA)


def shuffled(parts: list[Part], n_buckets: int, seed: int, arrival: int) -> dict[int, list[str]]:
    """Return the texts of each bucket, its slices joined in some order of arrival."""
    slices: dict[int, list[pa.RecordBatch]] = {}
    for part in parts:
        for bucket, piece in cut_buckets(part, n_buckets, seed):
            slices.setdefault(bucket, []).append(piece)
    joined = {}
    for bucket in sorted(slices):
        random.Random(arrival).shuffle(slices[bucket])
        part = join_bucket(bucket, slices[bucket], seed)
        assert part.key == PartKey(split=bucket, part=0)
        assert part.last
        joined[bucket] = part.reviews.column("text").to_pylist()
    return joined


TEXTS = [f"review {number}" for number in range(500)]


def test_buckets_do_not_depend_on_arrival_or_on_how_parts_were_cut() -> None:
    expected = shuffled(parts_of(TEXTS, 1), 5, seed=0, arrival=0)

    assert sorted(expected) == [0, 1, 2, 3, 4]
    for n_parts in (2, 7, 500):
        for arrival in (1, 2):
            assert shuffled(parts_of(TEXTS, n_parts), 5, seed=0, arrival=arrival) == expected


def test_every_review_is_in_one_bucket_and_their_order_is_random() -> None:
    buckets = shuffled(parts_of(TEXTS, 7), 5, seed=0, arrival=0)

    texts = [text for bucket in buckets.values() for text in bucket]
    assert sorted(texts) == sorted(TEXTS)
    # Five buckets of 100 on average; 4.5 standard deviations are 40.
    assert all(60 < len(bucket) < 140 for bucket in buckets.values())
    in_order = sum(TEXTS.index(one) < TEXTS.index(other) for one, other in pairwise(texts))
    assert 200 < in_order < 300


def test_another_seed_gives_another_order() -> None:
    orders = [shuffled(parts_of(TEXTS, 3), 2, seed=seed, arrival=0) for seed in (0, 1, 2**64 - 1)]

    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_reviews_that_are_the_same_all_stay() -> None:
    buckets = shuffled(parts_of(["same"] * 50, 3), 4, seed=0, arrival=0)

    assert list(chain(*buckets.values())) == ["same"] * 50


def test_an_empty_part_gives_no_slice() -> None:
    part = Part(key=PartKey(split=0, part=0), last=True, reviews=reviews_of([]))

    assert list(cut_buckets(part, 4, seed=0)) == []
