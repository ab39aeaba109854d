"""How an evaluation scores reviews: what is averaged over their windows, and the metrics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from training.loop.metrics import (
    classification_metrics,
    confusion_matrix,
    multi_label_metrics,
    regression_metrics,
)
from transforms.functional.problem_type_names import MULTI, REGRESSION, ProblemType

Scored = tuple[dict[str, float], npt.NDArray[np.int64] | None]


def scores_of(logits: torch.Tensor, problem_type: ProblemType | None) -> torch.Tensor:
    """Return what the windows of a review are averaged by: probabilities, or numbers.

    Args:
        logits: (n, n_classes), of regression (n, 1).
        problem_type: What a label is; None for a token, which has a probability, too.
    """
    if problem_type == REGRESSION:
        return logits
    return logits.sigmoid() if problem_type == MULTI else logits.softmax(-1)


def score_reviews(
    scores: npt.NDArray[np.float64], labels: npt.NDArray[np.generic], problem_type: ProblemType
) -> Scored:
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
