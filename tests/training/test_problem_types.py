"""Training on numbers, and on several classes a review: losses, metrics, runs, predictions."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, mean_squared_error
from transformers import AutoModelForSequenceClassification, PreTrainedModel, pipeline
from transformers.modeling_outputs import SequenceClassifierOutput

from tests.training.datasets import sample_reviews, write_classification
from tests.training.programs import arguments, forked, history, write_config
from training.__main__ import main
from training.config import DataOptions
from training.data import load_data
from training.inference.predictor import Predictor
from training.labels import find_classes
from training.loop.evaluation import Evaluation
from training.loop.losses import at_labels, step_loss
from training.loop.metrics import (
    multi_label_metrics,
    regression_metrics,
    score_reviews,
    scores_of,
)
from training.loop.trainer import ShardTrainer
from training.model.collators import without_labels
from training.reading.dataset import ShardDataset
from transforms.functional.errors import DatasetError, UsageError
from transforms.functional.problem_type_names import MULTI, REGRESSION, SINGLE, ProblemType

TEXTS = [text for text, _ in sample_reviews()][:80]
RATINGS = [len(text) % 19 / 2 + 1 for text in TEXTS]
HOT = [[float("film" in text), float("movie" in text)] for text in TEXTS]
LABELS: dict[ProblemType, list[Any]] = {REGRESSION: RATINGS, MULTI: HOT}


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[ProblemType, Path]:
    """Return a dataset of each kind, with windows and a validation subset."""
    made = {}
    for problem_type, labels in LABELS.items():
        made[problem_type] = write_classification(
            tmp_path_factory.mktemp(problem_type),
            length=16,
            overflow="windows",
            validation_shards=1,
            reviews=list(zip(TEXTS, labels, strict=True)),
            labels_named=problem_type == MULTI,
            problem_type=problem_type,
        )
    return made


@pytest.fixture(scope="module", params=LABELS)
def problem_type(request: pytest.FixtureRequest) -> ProblemType:
    found: ProblemType = request.param
    return found


@pytest.fixture(scope="module")
def saved(
    datasets: dict[ProblemType, Path],
    problem_type: ProblemType,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Evaluation]:
    """Return the folder of a trained model, and what its last evaluation found."""
    folder = tmp_path_factory.mktemp("models")
    evaluations: list[Evaluation] = []
    evaluate = ShardTrainer.evaluation_loop

    def remember(self: ShardTrainer, *given: Any, **options: Any) -> Any:
        output = evaluate(self, *given, **options)
        evaluations.append(self.last_evaluations[""])
        return output

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShardTrainer, "evaluation_loop", remember)
        line = arguments(
            datasets[problem_type],
            folder / "out",
            from_config=write_config(folder),
            per_device_train_batch_size=32,
        )
        assert main(line) == 0
    return folder / "out", evaluations[-1]


def test_labels_are_read_as_the_floats_that_they_are(
    datasets: dict[ProblemType, Path], problem_type: ProblemType
) -> None:
    batch = ShardDataset(datasets[problem_type], columns=["labels", "review"])[:]
    assert batch["labels"].dtype == torch.float32
    # Each of the four shards holds 20 reviews, numbered by tens.
    reviews = [20 * source + record // 10 for source, record in batch["review"].tolist()]
    assert batch["labels"].tolist() == [LABELS[problem_type][review] for review in reviews]


def test_a_class_that_came_later_is_0_in_old_rows(tmp_path: Path) -> None:
    reviews = list(zip(TEXTS, HOT, strict=True))[:6]
    write_classification(tmp_path, shards=1, reviews=reviews, problem_type=MULTI)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["label_numbers"]["new"] = 2
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    labels = ShardDataset(tmp_path, columns=["labels"])[[5, 0]]["labels"]
    assert labels.tolist() == [[*HOT[5], 0.0], [*HOT[0], 0.0]]


def test_the_loss_is_that_of_the_models_of_transformers(
    saved: tuple[Path, Evaluation], problem_type: ProblemType
) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(saved[0])
    assert model.config.problem_type == problem_type
    labels = torch.tensor(LABELS[problem_type][:4])
    outputs = model(input_ids=torch.arange(20).reshape(4, 5), labels=labels)
    loss = partial(step_loss, problem_type=problem_type)
    torch.testing.assert_close(loss(outputs, labels), outputs.loss)
    torch.testing.assert_close(2 * loss(outputs, labels, 2 * labels.numel()), outputs.loss)


def test_the_loss_of_a_step_is_the_mean_over_all_its_labels_whatever_they_are(
    problem_type: ProblemType, tmp_path: Path
) -> None:
    # -100 is what of classes and tokens would not be predicted; of numbers it is one as any other.
    first = -100.0 if problem_type == REGRESSION else HOT[0]
    write_classification(
        tmp_path / "dataset",
        reviews=list(zip(TEXTS, [first, *LABELS[problem_type][1:]], strict=True)),
        labels_named=problem_type == MULTI,
        problem_type=problem_type,
    )
    options = {"learning_rate": 0.0, "max_steps": 1, "per_device_train_batch_size": 1000}
    config, model = write_config(tmp_path), tmp_path / "model"
    assert main(arguments(tmp_path / "dataset", model, from_config=config, **options)) == 0
    rows = ShardDataset(tmp_path / "dataset", columns=["input_ids", "attention_mask", "labels"])
    with torch.no_grad():
        outputs = AutoModelForSequenceClassification.from_pretrained(model).eval()(**rows[:])
    assert history(model) == pytest.approx([float(outputs.loss)], rel=1e-5)


@pytest.mark.slow
def test_two_processes_have_the_losses_and_metrics_of_one(
    datasets: dict[ProblemType, Path], problem_type: ProblemType, tmp_path: Path
) -> None:
    found = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        line = arguments(
            datasets[problem_type],
            folder / "out",
            from_config=write_config(folder),
            per_device_train_batch_size=12 // processes,
        )
        done = forked(processes, line, folder, TRACE=str(folder))
        assert done.returncode == 0, done.stderr
        metrics = json.loads((folder / "out/metrics.json").read_text())["after"]
        found[processes] = (history(folder / "out"), metrics)
    assert len(found[1][0]) > 5
    # Sums in another order, over fifty steps.
    assert found[2][0] == pytest.approx(found[1][0], rel=1e-4)
    assert found[2][1] == pytest.approx(found[1][1], rel=1e-4, abs=1e-4)


def test_a_process_without_rows_adds_nothing_whatever_a_label_may_be() -> None:
    batch = without_labels({"labels": torch.tensor([-100.0])})
    assert len(batch["labels"]) == 0
    logits = torch.ones(1, 1, requires_grad=True)
    outputs = SequenceClassifierOutput(logits=logits)  # type: ignore[arg-type]
    loss = step_loss(outputs, batch["labels"], torch.tensor(3), problem_type=REGRESSION)
    loss.backward()  # type: ignore[no-untyped-call]
    assert (loss.item(), logits.grad) == (0.0, torch.zeros(1, 1))


def test_metrics_of_numbers_are_those_of_scikit_learn_and_numpy() -> None:
    labels, predictions = np.random.default_rng(0).normal(size=(2, 50))
    assert regression_metrics(predictions, labels) == pytest.approx(
        {
            "mse": mean_squared_error(labels, predictions),
            "mae": mean_absolute_error(labels, predictions),
            "pearson": np.corrcoef(labels, predictions)[0, 1],
        }
    )
    assert regression_metrics(np.ones(3), np.arange(3.0))["pearson"] == 0.0


def test_metrics_of_several_classes_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    probabilities, labels = random.random((50, 5)), random.integers(0, 2, (50, 5)).astype(float)
    probabilities[:, 4] = labels[:, 4] = 0  # Never occurs.
    predicted = probabilities >= 0.5
    assert multi_label_metrics(probabilities, labels) == pytest.approx(
        {
            "f1_micro": f1_score(labels, predicted, average="micro"),
            "f1_macro": f1_score(labels, predicted, average="macro", zero_division=0),
            "exact_match": accuracy_score(labels, predicted),
        }
    )


def test_reviews_are_scored_by_the_mean_of_their_windows(
    saved: tuple[Path, Evaluation], datasets: dict[ProblemType, Path], problem_type: ProblemType
) -> None:
    """The same evaluation by hand, with all rows in one batch."""
    model = AutoModelForSequenceClassification.from_pretrained(saved[0]).eval()
    columns = ["input_ids", "attention_mask", "labels", "review"]
    rows = ShardDataset(datasets[problem_type], "validation", columns=columns)[:]
    with torch.no_grad():
        outputs = model(rows["input_ids"], rows["attention_mask"], labels=rows["labels"])
    scores = scores_of(outputs.logits, problem_type).double().numpy()
    records = rows["review"][:, 1].numpy()
    numbers, first = np.unique(records, return_index=True)
    means = np.stack([scores[records == number].mean(axis=0) for number in numbers])
    expected, _ = score_reviews(means, rows["labels"].numpy()[first], problem_type)

    found = saved[1]
    assert len(records) > found.n_scored == len(numbers)
    assert found.confusion is None
    assert found.metrics == pytest.approx({"loss": float(outputs.loss), **expected}, rel=1e-3)


def test_predictions_are_those_of_a_pipeline_of_transformers(
    saved: tuple[Path, Evaluation], problem_type: ProblemType
) -> None:
    text = "a good film"
    classify: Any = pipeline("text-classification", str(saved[0]), top_k=None)
    expected = {each["label"]: each["score"] for each in classify([text])[0]}
    everything = Predictor.load(str(saved[0]), batch_size=2, top_k=9)([text])[0]
    assert dict(everything.found) == pytest.approx(expected, rel=1e-5)
    likely = {name: score for name, score in expected.items() if score >= 0.5}
    plain = Predictor.load(str(saved[0]), batch_size=2, top_k=None)([text])[0]
    wanted = likely if problem_type == MULTI else expected
    assert dict(plain.found) == pytest.approx(wanted, rel=1e-5)
    assert plain.problem == ""


def test_classes_can_be_trained_as_numbers(tmp_path: Path) -> None:
    write_classification(tmp_path, shards=1, reviews=sample_reviews()[:8])
    data = load_data(DataOptions(dataset=[str(tmp_path)], problem_type=REGRESSION), seed=0)
    labels = data.collate({"labels": torch.tensor([0, 1])})["labels"]
    assert (data.problem_type, labels.dtype) == (REGRESSION, torch.float32)
    assert find_classes(data, None).names == []


@pytest.mark.parametrize(
    ("made", "options", "said"),
    [
        (MULTI, {"problem_type": SINGLE}, "was made with --problem_type multi_label"),
        (REGRESSION, {"problem_type": MULTI}, "was made with --problem_type regression"),
        (REGRESSION, {"num_labels": 3}, "--num_labels 3 is for classes, and labels are numbers"),
        (MULTI, {"num_labels": 3}, "--num_labels 3: rows have a label for each of 2 classes"),
    ],
)
def test_what_a_dataset_cannot_be_trained_for_is_one_line(
    datasets: dict[ProblemType, Path], made: ProblemType, options: dict[str, Any], said: str
) -> None:
    asked = DataOptions(dataset=[str(datasets[made])], **options)
    with pytest.raises(UsageError, match=said):
        find_classes(load_data(asked, seed=0), asked.num_labels)


def test_datasets_of_two_kinds_are_not_mixed(datasets: dict[ProblemType, Path]) -> None:
    both = [str(datasets[MULTI]), str(datasets[REGRESSION])]
    with pytest.raises(DatasetError, match="differ in problem_type"):
        load_data(DataOptions(dataset=both), seed=0)


def test_logits_behind_the_labels_count_for_nothing() -> None:
    logits, labels = at_labels(torch.arange(3.0)[:, None], torch.zeros(2))
    assert (logits.tolist(), labels.tolist()) == ([0.0, 1.0], [0.0, 0.0])


def test_the_saved_model_names_its_classes(
    saved: tuple[Path, Evaluation], problem_type: ProblemType
) -> None:
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(saved[0])
    names = {0: "LABEL_0"} if problem_type == REGRESSION else {0: "neg", 1: "pos"}
    assert model.config.id2label == names
    assert model.config.num_labels == len(names)
    metrics = json.loads((saved[0] / "metrics.json").read_text())
    assert set(metrics["after"]) == set(saved[1].metrics)
