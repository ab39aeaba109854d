"""Generations lie in folders of their own, and readers see committed rows only."""

import json
from pathlib import Path

import datasets
import polars
import pytest

from beam_pipeline.clean import main as clean
from beam_pipeline.verify import main as verify
from tests.beam_pipeline.jobs import REVIEWS, files_of, run
from tests.beam_pipeline.version_1 import make_version_1
from transforms.storage.generations import read_manifest

LINES = REVIEWS.read_bytes().splitlines(keepends=True)
LABELS = ("--task", "classification", "--validation_fraction", "0.3")


def append(output: Path, reviews: Path, number: int, *more: str, bad: int = 0) -> int:
    """Add one night of nine reviews, and some records that are none."""
    reviews.mkdir(exist_ok=True)
    lines = [*LINES[number * 9 : number * 9 + 9], *[b"no review\n"] * bad]
    (reviews / f"{number}.jsonl").write_bytes(b"".join(lines))
    return run(output, "--append", *LABELS, *more, reviews=reviews)


def load(output: Path, cache: Path) -> datasets.DatasetDict:
    found = datasets.load_dataset(str(output), cache_dir=str(cache))
    assert isinstance(found, datasets.DatasetDict)
    return found


@pytest.fixture
def two_nights(tmp_path: Path) -> Path:
    assert append(tmp_path / "out", tmp_path / "reviews", 0) == 0
    assert append(tmp_path / "out", tmp_path / "reviews", 1) == 0
    return tmp_path / "out"


def test_each_generation_has_its_folders(two_nights: Path) -> None:
    manifest = read_manifest(str(two_nights))

    assert [generation.number for generation in manifest.generations] == [1, 2]
    for shard in manifest.shards():
        number = 1 if shard.split < manifest.generations[0].splits else 2
        assert shard.path.split("/")[1] == f"{number:06d}"
        assert (two_nights / shard.path).is_file()


def test_a_failed_run_is_seen_by_no_reader(two_nights: Path, tmp_path: Path) -> None:
    reviews = tmp_path / "reviews"
    before = load(two_nights, tmp_path / "cache")
    assert append(two_nights, reviews, 2, bad=50) == 3
    assert list(two_nights.glob("train/000003/*.arrow"))

    manifest = read_manifest(str(two_nights))
    found = load(two_nights, tmp_path / "cache_2")
    for subset in ("train", "validation"):
        assert len(found[subset]) == len(before[subset]) == manifest.rows(subset)
    assert found["train"].features["labels"] == datasets.ClassLabel(names=["neg", "pos"])
    ids = [row for path in manifest.shard_paths() for row in _ids(two_nights / path)]
    assert [row for subset in found.values() for row in subset["input_ids"]] == ids


def _ids(path: Path) -> list[list[int]]:
    found: list[list[int]] = polars.read_ipc(path)["input_ids"].to_list()
    return found


@pytest.mark.parametrize(
    "options",
    [
        ("--task", "mlm", "--masking", "static"),
        ("--task", "classification", "--padding", "longest"),
        ("--task", "classification", "--format", "parquet"),
    ],
)
def test_the_card_says_the_features_that_the_shards_have(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    assert run(tmp_path / "out", *options) == 0
    found = load(tmp_path / "out", tmp_path / "cache")["train"]

    shard = next(iter(read_manifest(str(tmp_path / "out")).shards()))
    path = str(tmp_path / "out" / shard.path)
    builder = "parquet" if path.endswith(".parquet") else "arrow"
    plain = datasets.load_dataset(builder, data_files=path, cache_dir=str(tmp_path / "plain"))
    kinds = {**plain["train"].features}
    if found.features["labels"] == datasets.ClassLabel(names=["neg", "pos"]):
        assert kinds["labels"] == datasets.Value("int64")
        kinds["labels"] = found.features["labels"]
    assert {**found.features} == kinds


def test_a_card_that_a_user_wrote_is_left_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "README.md").write_text("# Mine\n")
    assert run(tmp_path) == 0

    assert "README.md was not written by a job and stays as it is" in caplog.text
    assert (tmp_path / "README.md").read_text() == "# Mine\n"
    assert run(tmp_path, "--overwrite") == 0
    assert (tmp_path / "README.md").read_text() == "# Mine\n"


def test_a_dataset_of_version_1_is_the_same_dataset_and_grows_in_folders(tmp_path: Path) -> None:
    output, reviews = tmp_path / "out", tmp_path / "reviews"
    assert append(output, reviews, 0) == 0
    content = read_manifest(str(output)).content_sha256()
    make_version_1(output)
    before = files_of(output)
    old = read_manifest(str(output))
    assert old.content_sha256() == content
    assert old.dumps() == (output / "manifest.json").read_text()
    assert verify([str(output)]) == 0
    assert clean([str(output)]) == 0
    assert files_of(output) == before
    # Nothing is new, and nothing is to do.
    assert run(output, *LABELS, reviews=reviews) == 0
    assert read_manifest(str(output)) == old

    assert append(output, reviews, 1) == 0
    new = read_manifest(str(output))
    document = json.loads((output / "manifest.json").read_text())
    assert (document["format_version"], document["generation"]) == (2, 2)
    assert new.shard_paths()[0] == "train/0000000-0000.arrow"
    assert any(path.startswith("train/000002/") for path in new.shard_paths())
    after = files_of(output)
    kept = before.keys() - {"manifest.json"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    found = load(output, tmp_path / "cache")
    assert {name: len(rows) for name, rows in found.items()} == {
        name: new.rows(name) for name in ("train", "validation")
    }


def test_shards_of_both_versions_are_made_again_where_they_lay(tmp_path: Path) -> None:
    output, reviews = tmp_path / "out", tmp_path / "reviews"
    assert append(output, reviews, 0) == 0
    make_version_1(output)
    assert append(output, reviews, 1) == 0
    before = files_of(output)
    paths = read_manifest(str(output)).shard_paths()
    for path in (paths[0], paths[-1]):
        (output / path).unlink()

    assert verify([str(output), "--repair"]) == 0
    assert files_of(output) == before
