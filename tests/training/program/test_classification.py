"""Classifiers, from the command line to what is saved."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from transformers import (
    AutoModelForSequenceClassification,
    pipeline,
)

from tests.training.datasets import write_classification
from tests.training.programs import arguments, write_config
from training.__main__ import main
from training.config import parse_options
from training.reading.dataset import ShardDataset
from training.run import run


def test_a_classifier_reports_accuracy_f1_and_confusion(classifier: Path, ragged: Path) -> None:
    metrics = json.loads((classifier / "metrics.json").read_text())
    dataset = ShardDataset(ragged, "validation")
    model = AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    with torch.no_grad():
        batch = dataset[:]
        labels = batch.pop("labels").tolist()
        predicted = model(**batch).logits.argmax(dim=1).tolist()

    assert metrics["reviews"] == len(labels) > 20
    assert metrics["after"]["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert metrics["after"]["f1"] == pytest.approx(f1_score(labels, predicted))
    assert metrics["confusion"] == confusion_matrix(labels, predicted, labels=[0, 1]).tolist()


def test_a_saved_classifier_loads_everywhere_with_its_label_names(classifier: Path) -> None:
    classify = pipeline("text-classification", model=str(classifier), device="cpu")
    model = AutoModelForSequenceClassification.from_pretrained(classifier)

    assert classify("I love this movie!")[0]["label"] in ("neg", "pos")
    assert model.config.id2label == {0: "neg", 1: "pos"}


def test_frozen_weights_stay_bit_equal_and_others_move(
    ragged: Path, classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = arguments(ragged, tmp_path / "model", model_name_or_path=classifier, max_steps=3)
    assert main([*line, "--freeze_base", "--unfreeze", r"layer\.1\."]) == 0

    before, after = (
        AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
        for folder in (classifier, tmp_path / "model")
    )
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    trained = {name for name in before if not name.startswith("distilbert") or "layer.1." in name}
    assert moved == trained
    assert len(moved) > 10
    n_trained = sum(before[name].numel() for name in trained)
    n_all = sum(values.numel() for values in before.values())
    assert f"parameters: {n_trained:,} of {n_all:,} are trained" in capsys.readouterr().out


def test_windows_of_a_review_are_averaged_before_scoring_and_it_counts_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_classification(
        tmp_path / "windows", overflow="windows", length=24, validation_shards=1
    )
    options = {"from_config": write_config(tmp_path), "max_train_rows": 32}
    metrics = run(parse_options(arguments(dataset, tmp_path / "model", **options)))

    validation = ShardDataset(dataset, "validation", columns=["review"])
    n_reviews = len({tuple(review) for review in validation[:]["review"].tolist()})
    assert metrics["reviews"] == n_reviews < len(validation)
    assert "rows" not in metrics
    assert f" after, on {n_reviews} reviews\n" in capsys.readouterr().out
    assert np.sum(metrics["confusion"]) == n_reviews
