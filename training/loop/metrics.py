"""What an evaluation reports: scores of reviews, averaged over their windows, and metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from transforms.functional.errors import UsageError
from transforms.functional.problem_type_names import MULTI, REGRESSION, SINGLE, ProblemType
from transforms.functional.reviews.problem_types import HOT

# What is reported, by what a label is; None: a token.
METRICS: dict[ProblemType | None, tuple[str, ...]] = {
    None: ("loss", "perplexity", "accuracy"),
    SINGLE: ("loss", "accuracy", "f1"),
    MULTI: ("loss", "f1_micro", "f1_macro", "exact_match"),
    REGRESSION: ("loss", "mse", "mae", "pearson"),
}


def mlm_metrics(loss_sum: float, n_tokens: int, n_right: int) -> dict[str, float]:
    """Return the metrics of predicted tokens.

    `loss` (nats per token), `perplexity`, its exponential, and `accuracy`, the share of tokens
    whose likeliest filling is the right one.
    """
    if not n_tokens:
        return dict.fromkeys(METRICS[None], math.nan)
    loss = loss_sum / n_tokens
    perplexity = math.exp(min(loss, 700.0))  # Above 709 exp overflows.
    return {"loss": loss, "perplexity": perplexity, "accuracy": n_right / n_tokens}


def check_metric(name: str, problem_type: ProblemType | None, datasets: Sequence[str]) -> None:
    """Refuse a metric to choose the best model by that no evaluation reports.

    Args:
        name: The metric, with or without `eval_` before it.
        problem_type: What a label is, None for mlm.
        datasets: Names of what is evaluated on, "" for the only one.

    Raises:
        UsageError: there is no such metric.
    """
    metrics = METRICS[problem_type]
    known = [f"{part}_{each}" if part else each for part in datasets for each in metrics]
    if name.removeprefix("eval_") not in known:
        raise UsageError(
            f"--metric_for_best_model {name} is not reported: choose one of "
            f"{', '.join(known) or 'those of an evaluation, which there is none of'}"
        )


def scores_of(logits: torch.Tensor, problem_type: ProblemType | None) -> torch.Tensor:
    """Return what the windows of a review are averaged by: probabilities, or numbers.

    Args:
        logits: (n, n_classes), of regression (n, 1).
        problem_type: What a label is; None for a token, which has a probability, too.
    """
    if problem_type == REGRESSION:
        return logits
    return logits.sigmoid() if problem_type == MULTI else logits.softmax(-1)


def average_windows(
    probabilities: npt.NDArray[np.float64],
    labels: npt.NDArray[np.generic],
    reviews: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.generic]]:
    """Average the rows (windows) of each review.

    Args:
        probabilities: (n_rows, n_classes).
        labels: (n_rows, ...), the same in all rows of a review.
        reviews: (n_rows, 2) input file and record.

    Returns:
        (n_reviews, n_classes) and (n_reviews, ...), in the order of the reviews.
    """
    _, first, inverse = np.unique(reviews, axis=0, return_index=True, return_inverse=True)
    return mean_of_windows(probabilities, inverse.reshape(-1), len(first)), labels[first]


def mean_of_windows(
    probabilities: npt.NDArray[np.float64], reviews: npt.NDArray[np.int64], n_reviews: int
) -> npt.NDArray[np.float64]:
    """Return (n_reviews, n_classes), the mean of each review's rows; 0 for one without rows.

    Args:
        probabilities: (n_rows, n_classes).
        reviews: (n_rows,) the number of each row's review.
        n_reviews: How many reviews there are.
    """
    sums = np.zeros((n_reviews, probabilities.shape[1]))
    np.add.at(sums, reviews, probabilities)
    counts = np.bincount(reviews, minlength=n_reviews)
    means: npt.NDArray[np.float64] = sums / np.maximum(counts, 1)[:, None]
    return means


def score_reviews(
    scores: npt.NDArray[np.float64], labels: npt.NDArray[np.generic], problem_type: ProblemType
) -> tuple[dict[str, float], npt.NDArray[np.int64] | None]:
    """Return the metrics of reviews, and the confusion matrix where each has one class.

    Args:
        scores: (n_reviews, n_classes), of regression (n_reviews, 1).
        labels: (n_reviews,), of several classes (n_reviews, n_classes).
        problem_type: What a label is.
    """
    if problem_type == REGRESSION:
        return regression_metrics(scores[:, 0], labels.astype(np.float64)), None
    if problem_type == MULTI:
        return multi_label_metrics(scores, labels.astype(np.float64)), None
    predicted = scores.argmax(axis=1)
    confusion = confusion_matrix(labels.astype(np.int64), predicted, scores.shape[1])
    return classification_metrics(confusion), confusion


def confusion_matrix(
    labels: npt.NDArray[np.int64], predictions: npt.NDArray[np.int64], n_classes: int
) -> npt.NDArray[np.int64]:
    """Return (n_classes, n_classes) counts: row the true class, column the predicted one."""
    places = labels * n_classes + predictions
    return np.bincount(places, minlength=n_classes**2).reshape(n_classes, n_classes)


def classification_metrics(confusion: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return `accuracy` and `f1`: of class 1 of two classes, else the macro average."""
    hits = np.diag(confusion)
    f1 = _f1(hits, confusion.sum(axis=0) + confusion.sum(axis=1))
    return {
        "accuracy": float(hits.sum() / confusion.sum()),
        "f1": float(f1[1] if len(f1) == 2 else f1.mean()),
    }


def regression_metrics(
    predictions: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]
) -> dict[str, float]:
    """Return `mse`, `mae` and `pearson`, the correlation; that of equal numbers is 0.

    Args:
        predictions: (n_reviews,).
        labels: (n_reviews,).
    """
    error = predictions - labels
    one, other = predictions - predictions.mean(), labels - labels.mean()
    spread = math.sqrt(float(one @ one) * float(other @ other))
    return {
        "mse": float(np.mean(error**2)),
        "mae": float(np.mean(np.abs(error))),
        "pearson": float(one @ other) / spread if spread else 0.0,
    }


def multi_label_metrics(
    probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]
) -> dict[str, float]:
    """Return `f1_micro`, `f1_macro`, and `exact_match`: reviews with all classes right.

    Args:
        probabilities: (n_reviews, n_classes); from 0.5 on a class is predicted.
        labels: (n_reviews, n_classes), multi-hot.
    """
    predicted, true = probabilities >= HOT, labels >= HOT
    hits = np.count_nonzero(predicted & true, axis=0)
    either = np.count_nonzero(predicted, axis=0) + np.count_nonzero(true, axis=0)
    return {
        "f1_micro": float(2 * hits.sum() / max(either.sum(), 1)),
        "f1_macro": float(_f1(hits, either).mean()),
        "exact_match": float(np.mean((predicted == true).all(axis=1))),
    }


def _f1(hits: npt.NDArray[np.int64], either: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return F1 of each class: 0 where it never occurs and is never predicted (as scikit-learn).

    Args:
        hits: (n_classes,) reviews of a class that were predicted to be.
        either: (n_classes,) those of it, and those predicted to be.
    """
    f1: npt.NDArray[np.float64] = np.divide(
        2 * hits, either, out=np.zeros(len(hits)), where=either > 0
    )
    return f1


def confusion_text(confusion: npt.NDArray[np.int64], names: list[str]) -> str:
    """Return the confusion matrix as text: true classes in rows, predicted ones in columns."""
    width = max(len(str(confusion.max())), *(len(name) for name in names), len("true"))
    lines = [" ".join(f"{cell:>{width}}" for cell in ["true", *names])]
    for name, row in zip(names, confusion.tolist(), strict=True):
        lines.append(" ".join(f"{cell:>{width}}" for cell in [name, *row]))
    return "\n".join(lines)
