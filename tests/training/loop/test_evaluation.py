import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix as library_confusion, f1_score
from transformers.modeling_outputs import MaskedLMOutput

from training.loop.losses import step_loss
from training.loop.metrics import (
    average_windows,
    check_metric,
    classification_metrics,
    confusion_matrix,
    confusion_text,
    mlm_metrics,
)
from training.loop.processes import on_all_ranks
from transforms.functional.errors import UsageError
from transforms.functional.problem_type_names import SINGLE


def test_windows_of_one_review_are_averaged() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.0, 1.0]])
    labels = np.array([0, 1, 0, 0])
    reviews = np.array([[0, 10], [1, 10], [0, 10], [0, 10]])

    averaged, kept = average_windows(probabilities, labels, reviews)

    assert averaged.tolist() == [pytest.approx([1.3 / 3, 1.7 / 3]), [0.2, 0.8]]
    assert kept.tolist() == [0, 1]


@pytest.mark.parametrize("n_classes", [2, 4])
def test_metrics_are_those_of_scikit_learn(n_classes: int) -> None:
    random = np.random.default_rng(0)
    labels, predictions = random.integers(0, n_classes, (2, 200))
    confusion = confusion_matrix(labels, predictions, n_classes)
    average = "binary" if n_classes == 2 else "macro"

    assert np.array_equal(confusion, library_confusion(labels, predictions))
    metrics = classification_metrics(confusion)
    assert metrics["accuracy"] == pytest.approx((labels == predictions).mean())
    assert metrics["f1"] == pytest.approx(f1_score(labels, predictions, average=average))


def test_a_class_that_never_occurs_has_an_f1_of_0() -> None:
    assert classification_metrics(np.array([[3, 0], [0, 0]])) == {"accuracy": 1.0, "f1": 0.0}


def test_the_confusion_matrix_as_text() -> None:
    assert confusion_text(np.array([[10, 2], [0, 3]]), ["neg", "pos"]) == (
        "true  neg  pos\n neg   10    2\n pos    0    3"
    )


def test_perplexity_is_the_exponential_of_the_mean_loss() -> None:
    metrics = mlm_metrics(6.0, 3, 1)
    assert metrics == {"loss": 2.0, "perplexity": pytest.approx(np.exp(2)), "accuracy": 1 / 3}
    assert np.isnan(list(mlm_metrics(0.0, 0, 0).values())).all()


def test_the_loss_is_averaged_over_the_labels_of_the_whole_step() -> None:
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1, -100, 2], [-100, -100, 4]])
    outputs = MaskedLMOutput(logits=logits)
    picked = -logits.log_softmax(-1)[[0, 0, 1], [0, 2, 2], [1, 2, 4]]

    assert float(step_loss(outputs, labels)) == pytest.approx(float(picked.mean()))
    assert float(step_loss(outputs, labels, 12)) == pytest.approx(float(picked.sum()) / 12)
    assert float(step_loss(outputs, torch.full_like(labels, -100))) == 0.0


def test_without_processes_an_action_just_runs() -> None:
    assert on_all_ranks(lambda: 3, torch.device("cpu")) == 3


def test_the_best_model_is_chosen_by_a_metric_that_is_reported() -> None:
    check_metric("loss", None, [""])
    check_metric("eval_f1", SINGLE, [""])
    check_metric("imdb_loss", None, ["imdb", "yelp"])
    for name, datasets in (("f1", [""]), ("loss", ["imdb", "yelp"]), ("loss", [])):
        with pytest.raises(UsageError, match=f"--metric_for_best_model {name} is not reported"):
            check_metric(name, None, datasets)
