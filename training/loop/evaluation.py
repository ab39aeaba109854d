"""One pass over the evaluation rows, on all processes: exact sums, no row twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from transformers.trainer_utils import EvalLoopOutput

from training.loop.metrics import (
    average_windows,
    classification_metrics,
    confusion_matrix,
    mlm_metrics,
)
from training.loop.processes import on_all_ranks
from training.reading.row_reader import Batch


@dataclass
class Evaluation:
    """What an evaluation found.

    Attributes:
        metrics: Names and numbers.
        n_rows: Rows (mlm) or reviews (classification) that were scored.
        confusion: (n_classes, n_classes) counts; None for mlm.
    """

    metrics: dict[str, float]
    n_rows: int
    confusion: npt.NDArray[np.int64] | None = None

    def as_output(self, prefix: str) -> EvalLoopOutput:
        """Return it as `Trainer` wants it."""
        metrics = {f"{prefix}_{name}": value for name, value in self.metrics.items()}
        return EvalLoopOutput(
            predictions=np.empty(0), label_ids=None, metrics=metrics, num_samples=self.n_rows
        )


@dataclass
class _Sums:
    """What one process has seen."""

    loss: float = 0.0
    labels: int = 0
    rows: int = 0
    scored: list[tuple[npt.NDArray[Any], ...]] = field(default_factory=list)


def evaluate_batches(
    model: torch.nn.Module,
    loader: DataLoader,
    task: str,
    *,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager[Any]],
    after_batch: Callable[[], None],
) -> Evaluation:
    """Run the model over a loader's batches, and score what all processes found.

    Args:
        model: The model, on `device`.
        loader: This process's batches, as many as on every other process.
        task: `mlm` or `classification`.
        device: Where the batches go.
        autocast: Makes the context that the model computes in.
        after_batch: Called behind each batch.
    """
    model.eval()
    sums = _Sums()
    batches = iter(loader)
    for _ in range(len(loader)):
        batch = on_all_ranks(lambda: next(batches), device)
        with torch.no_grad(), autocast():
            _add(sums, model, batch, task, device)
        after_batch()
    return _score(sums, task)


def _add(
    sums: _Sums, model: torch.nn.Module, batch: Batch, task: str, device: torch.device
) -> None:
    """Add what the model makes of a batch."""
    review = batch.pop("review", None)
    inputs = {name: values.to(device) for name, values in batch.items()}
    labels = inputs.pop("labels")
    logits = model(**inputs).logits.float()
    loss = cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), reduction="sum")
    real = labels.ne(-100)
    sums.loss += float(loss)
    sums.labels += int(real.sum())
    if task == "classification" and review is not None:
        probabilities = logits.softmax(-1)[real]
        found = (probabilities.cpu().double(), labels[real].cpu(), review[real.cpu()])
        sums.scored.append(tuple(part.numpy() for part in found))
    else:
        sums.rows += len(labels) if bool(real.any()) else 0


def _score(sums: _Sums, task: str) -> Evaluation:
    everyone: list[_Sums] = gather_object([sums])
    loss, n_labels = sum(one.loss for one in everyone), sum(one.labels for one in everyone)
    if task == "mlm":
        return Evaluation(mlm_metrics(loss, n_labels), sum(one.rows for one in everyone))
    scored = [part for one in everyone for part in one.scored]
    columns = [np.concatenate(column) for column in zip(*scored, strict=True)]
    probabilities, labels = average_windows(columns[0], columns[1], columns[2])
    n_classes = probabilities.shape[1]
    confusion = confusion_matrix(labels, probabilities.argmax(axis=1), n_classes)
    metrics = {"loss": loss / n_labels, **classification_metrics(confusion)}
    return Evaluation(metrics, len(labels), confusion)
