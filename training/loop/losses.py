"""The training loss: one mean over the labels of a whole optimizer step, on all processes."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy


def token_loss(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
) -> torch.Tensor:
    """Return the cross entropy, averaged over the labels of an optimizer step on all processes.

    The models' own losses average over their own batch; with batches of different sizes (the last
    of an epoch, or masks of different numbers) that would depend on how many processes there are.

    Args:
        outputs: The model's outputs, with `logits` (..., n_classes).
        labels: (...) int64, -100 where nothing is predicted.
        num_items_in_batch: Labels in the step on all processes, None: those given.
    """
    logits = outputs.logits
    total = cross_entropy(
        logits.reshape(-1, logits.shape[-1]).float(), labels.reshape(-1), reduction="sum"
    )
    if num_items_in_batch is None:
        num_items_in_batch = labels.ne(-100).sum()
    return total / torch.clamp(torch.as_tensor(num_items_in_batch, device=total.device), min=1)
