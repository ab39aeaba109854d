"""What is no dataset, and what a dataset has not: refused with the cure."""

import json
from pathlib import Path

import pytest

from tests.training.datasets import write_mlm
from training.reading.dataset import ShardDataset
from training.reading.row_reader import REVIEW_COLUMNS
from transforms.functional.errors import DatasetError, UsageError


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no finished dataset: run `python -m beam_pipeline"):
        ShardDataset(tmp_path)


def test_a_newer_format_is_refused_with_the_cure(tmp_path: Path) -> None:
    manifest = write_mlm(tmp_path) / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format_version": 99}))

    with pytest.raises(DatasetError, match=r"version 99.*install a newer release"):
        ShardDataset(tmp_path)


def test_a_damaged_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")

    with pytest.raises(DatasetError, match="damaged"):
        ShardDataset(tmp_path)


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(DatasetError, match="nowhere://"):
        ShardDataset("nowhere://bucket/dataset")


def test_parquet_is_refused_with_the_cure(tmp_path: Path) -> None:
    folder = write_mlm(tmp_path, format="parquet")

    with pytest.raises(DatasetError, match="--format arrow"):
        ShardDataset(folder)


def test_an_empty_subset_is_refused_and_says_which_is_not(ragged: Path, tmp_path: Path) -> None:
    message = r"no rows in subset 'validation'.*train \([\d,]+ rows\)"
    with pytest.raises(DatasetError, match=message):
        ShardDataset(write_mlm(tmp_path), "validation")


def test_blocks_that_do_not_know_their_reviews_say_how_to_make_them(mlm: Path) -> None:
    for name in REVIEW_COLUMNS:
        with pytest.raises(DatasetError, match="make it with --review_starts or --packing best_"):
            ShardDataset(mlm, columns=["input_ids", name])


def test_labels_of_a_dataset_without_are_refused(mlm: Path) -> None:
    with pytest.raises(DatasetError, match="no labels: mask its blocks"):
        ShardDataset(mlm, columns=["input_ids", "labels"])
    with pytest.raises(UsageError, match="no column 'ids'"):
        ShardDataset(mlm, columns=["ids"])
