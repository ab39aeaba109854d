"""All labels are checked before a run begins."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.datasets import write_classification
from tests.training.programs import arguments, write_config
from training.__main__ import main
from training.config import DataOptions
from training.data import load_data
from training.labels import Classes, check_labels, count_labels, find_classes
from training.reading.dataset import ShardDataset
from training.reading.mixed_rows import MixedRows
from training.sampling.row_draws import draw_rows
from transforms.functional.errors import DatasetError, UsageError


def write(folder: Path, labels: list[int], names: dict[str, int] | None = None) -> Path:
    """Write a dataset of a review for each label."""
    folder.mkdir()
    reviews = [(f"film number {place}", label) for place, label in enumerate(labels)]
    write_classification(folder, shards=2, reviews=reviews, labels_named=False)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "label_numbers": names}))
    return folder


def classes(
    train: Path, evaluation: Path | None = None, num_labels: int | None = None, **more: Any
) -> Classes:
    other = None if evaluation is None else str(evaluation)
    options = DataOptions(dataset=[str(train)], eval_dataset=other, **more)
    return find_classes(load_data(options, seed=0), num_labels)


def test_labels_are_counted_in_rows_of_every_kind(tmp_path: Path) -> None:
    first = ShardDataset(write(tmp_path / "a", [0, 1, 1, 2]))
    second = ShardDataset(write(tmp_path / "b", [1, 1]))

    assert count_labels(first) == {0: 1, 1: 2, 2: 1}
    assert count_labels(MixedRows([first, second])) == {0: 1, 1: 4, 2: 1}
    counts = count_labels(draw_rows(first, 3, 0))
    assert counts is not None
    assert sum(counts.values()) == 3


def test_classes_have_the_manifests_names_or_their_numbers(tmp_path: Path) -> None:
    named = write(tmp_path / "named", [0, 1], {"neg": 0, "pos": 1})
    numbered = write(tmp_path / "numbered", [0, 2, 1])

    assert classes(named) == Classes(["neg", "pos"], [])
    assert classes(named, num_labels=3).names == ["neg", "pos", "2"]
    assert classes(numbered) == Classes(["0", "1", "2"], [])


def test_a_name_of_minus_1_is_no_class_and_moves_no_other(tmp_path: Path) -> None:
    names = {"unsup": -1, "neg": 0, "pos": 1}

    assert classes(write(tmp_path / "without", [0, 1], names)).names == ["neg", "pos"]
    with pytest.raises(DatasetError, match=r"label -1 \('unsup'\), which is no class"):
        classes(write(tmp_path / "with", [0, -1, 1], names))


def test_an_evaluation_label_that_training_never_saw_is_refused(tmp_path: Path) -> None:
    train, evaluation = write(tmp_path / "a", [0, 1]), write(tmp_path / "b", [0, 1, 2])

    with pytest.raises(DatasetError, match=r"label '2' \(2\), which no training row has"):
        classes(train, evaluation)
    with pytest.raises(DatasetError, match=r"label -1 .*no class"):
        classes(train, write(tmp_path / "c", [0, -1]))


def test_classes_without_rows_are_said(tmp_path: Path) -> None:
    names = {"neg": 0, "pos": 1}
    train, evaluation = write(tmp_path / "a", [0, 1], names), write(tmp_path / "b", [1, 1], names)

    assert classes(train, evaluation).warnings == ["warning: no evaluation row has the label 'neg'"]
    assert classes(evaluation).warnings == ["warning: no training row has the label 'neg'"]


def test_a_label_beyond_the_number_of_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--num_labels 2: a row has the label 2, so give at least"):
        classes(write(tmp_path / "a", [0, 1, 2]), num_labels=2)
    check_labels(torch.tensor([0, 1, 2]), 3)
    for labels in ([0, 3], [-1, 0]):
        with pytest.raises(DatasetError, match="which is no class: there are 3, from 0 to 2"):
            check_labels(torch.tensor(labels), 3)


def test_a_checkpoint_with_another_number_of_classes_needs_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two, three = write(tmp_path / "two", [0, 1] * 4), write(tmp_path / "three", [0, 1, 2] * 3)
    config = {"from_config": write_config(tmp_path), "max_steps": 1}
    assert main(arguments(two, tmp_path / "first", **config)) == 0
    line = arguments(three, tmp_path / "next", model_name_or_path=tmp_path / "first", max_steps=1)

    assert main(line) == 2
    assert "give --ignore_mismatched_sizes" in capsys.readouterr().err.splitlines()[-1]
    assert main([*line, "--ignore_mismatched_sizes"]) == 0
    saved = json.loads((tmp_path / "next/config.json").read_text())
    assert saved["id2label"] == {"0": "0", "1": "1", "2": "2"}
