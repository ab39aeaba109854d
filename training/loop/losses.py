"""The training loss: one mean over the labels of a whole optimizer step, on all processes."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from transforms.functional.rows.masking import IGNORED


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
    if num_items_in_batch is None:
        num_items_in_batch = len(predicted)
    return total / torch.clamp(torch.as_tensor(num_items_in_batch, device=total.device), min=1)


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
