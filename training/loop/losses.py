"""The training loss: one mean over the labels of a whole optimizer step, on all processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from transforms.functional.problem_type_names import MULTI, REGRESSION, SINGLE, ProblemType
from transforms.functional.rows.masking import IGNORED

# As transformers' models choose them by `problem_type`; None: of a token.
_LOSSES: dict[ProblemType | None, Callable[..., torch.Tensor]] = {
    None: cross_entropy,
    SINGLE: cross_entropy,
    MULTI: binary_cross_entropy_with_logits,
    REGRESSION: mse_loss,
}


def step_loss(
    outputs: Any,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | int | None = None,
    *,
    problem_type: ProblemType | None = None,
) -> torch.Tensor:
    """Return the loss, averaged over the labels of an optimizer step on all processes.

    The models' own losses average over their own batch; with batches of different sizes (the last
    of an epoch, or masks of different numbers) that would depend on how many processes there are.

    Args:
        outputs: The model's outputs, with `logits`.
        labels: See `at_labels`.
        num_items_in_batch: `n_predicted` of the step on all processes, None: of these labels.
        problem_type: What a label is, None for a token.
    """
    total = loss_sum(*at_labels(outputs.logits, labels), problem_type)
    count = n_predicted(labels) if num_items_in_batch is None else num_items_in_batch
    return total / torch.clamp(torch.as_tensor(count, device=total.device), min=1)


def loss_sum(
    logits: torch.Tensor, labels: torch.Tensor, problem_type: ProblemType | None
) -> torch.Tensor:
    """Return the loss, summed over labels, of what `at_labels` returns."""
    return _LOSSES[problem_type](logits, labels, reduction="sum")


def n_predicted(labels: torch.Tensor) -> int:
    """Return how many labels count: all numbers, and the classes and tokens that are predicted."""
    return labels.numel() if labels.is_floating_point() else int(labels.ne(IGNORED).sum())


def at_labels(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits float32 and labels of what is predicted.

    Args:
        logits: Of classes and tokens (..., n_classes) of everything, or (1, m, n_classes) of what
            is predicted. Of numbers (n, 1), of several classes (n, n_classes); rows behind the
            labels count for nothing.
        labels: Of classes and tokens (...) int64, -100 where nothing is predicted; of numbers (m,)
            float32, of several classes (m, n_classes) float32.

    Returns:
        Of classes and tokens (m, n_classes) and (m,); else both in the shape of the labels.
    """
    if labels.is_floating_point():
        return logits[: len(labels)].float().reshape(labels.shape), labels
    real = labels.ne(IGNORED)
    if logits.shape[:-1] == labels.shape:
        logits = logits[real]
    return logits.reshape(-1, logits.shape[-1]).float(), labels[real]
