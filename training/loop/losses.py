"""The training loss: one mean over the labels of a whole optimizer step, on all processes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from transforms.functional.problem_type_names import MULTI, REGRESSION, ProblemType
from transforms.functional.rows.masking import IGNORED

# Of each logit and its label, as transformers' models choose them by `problem_type`.
_VALUE_LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    REGRESSION: mse_loss,
    MULTI: binary_cross_entropy_with_logits,
}


def step_loss(problem_type: ProblemType | None) -> Callable[..., torch.Tensor]:
    """Return the loss of a model's outputs; see `token_loss`, and `value_loss` for other labels."""
    if problem_type in _VALUE_LOSSES:
        return partial(value_loss, problem_type=problem_type)
    return token_loss


def loss_sum(
    logits: torch.Tensor, labels: torch.Tensor, problem_type: ProblemType | None
) -> torch.Tensor:
    """Return the loss, summed over labels.

    Args:
        logits: (m, n_classes), or of the shape of labels, float32.
        labels: (m,) int64; of regression (m,) and of several classes (m, n_classes) float32.
        problem_type: What a label is, None for a token.
    """
    of_each = cross_entropy if problem_type is None else _VALUE_LOSSES.get(problem_type)
    return (of_each or cross_entropy)(logits, labels, reduction="sum")


def token_loss(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
) -> torch.Tensor:
    """Return the cross entropy, averaged over the labels of an optimizer step on all processes.

    The models' own losses average over their own batch; with batches of different sizes (the last
    of an epoch, or masks of different numbers) that would depend on how many processes there are.

    Args:
        outputs: The model's outputs, with `logits`; see `at_labels`.
        labels: (...) int64, -100 where nothing is predicted.
        num_items_in_batch: Labels in the step on all processes, None: those given.
    """
    logits, predicted = at_labels(outputs.logits, labels)
    total = cross_entropy(logits, predicted, reduction="sum")
    return _mean(total, len(predicted) if num_items_in_batch is None else num_items_in_batch)


def value_loss(
    outputs: Any,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | int | None = None,
    *,
    problem_type: ProblemType,
) -> torch.Tensor:
    """Return the loss of numbers or of several classes, averaged as `token_loss` is.

    Args:
        outputs: The model's outputs, with `logits`; see `at_values`.
        labels: (m,) or (m, n_classes) float32.
        num_items_in_batch: Values in the labels of the step on all processes, None: of these.
        problem_type: What a label is.
    """
    total = loss_sum(at_values(outputs.logits, labels), labels, problem_type)
    return _mean(total, labels.numel() if num_items_in_batch is None else num_items_in_batch)


def n_predicted(labels: torch.Tensor) -> int:
    """Return how many labels count: all numbers, and the classes and tokens that are predicted."""
    return labels.numel() if labels.is_floating_point() else int(labels.ne(IGNORED).sum())


def _mean(total: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
    return total / torch.clamp(torch.as_tensor(count, device=total.device), min=1)


def at_values(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return logits float32 in the shape of labels.

    Args:
        logits: (n, 1) or (n, n_classes); rows behind the labels count for nothing.
        labels: (m,) or (m, n_classes).
    """
    return logits[: len(labels)].float().reshape(labels.shape)


def at_labels(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits (m, n_classes) float32 and labels (m,) of what is predicted.

    Args:
        logits: (..., n_classes) of everything, or (1, m, n_classes) of what is predicted.
        labels: (...) int64, -100 where nothing is predicted.
    """
    real = labels.ne(IGNORED)
    if logits.shape[:-1] == labels.shape:
        logits = logits[real]
    return logits.reshape(-1, logits.shape[-1]).float(), labels[real]
