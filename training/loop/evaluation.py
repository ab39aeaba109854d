"""One pass over the evaluation rows, on all processes: exact sums, no row twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate.utils import gather_object, send_to_device  # type: ignore[import-untyped]
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from transformers.trainer_utils import EvalLoopOutput

from training.loop.losses import at_labels
from training.loop.metrics import (
    average_windows,
    classification_metrics,
    confusion_matrix,
    mlm_metrics,
)
from training.loop.processes import on_all_ranks
from training.reading.row_reader import Batch
from transforms.functional.rows.masking import IGNORED


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
    scored: list[tuple[npt.NDArray[Any], ...]] = field(default_factory=list)


def evaluate_batches(
    model: torch.nn.Module,
    loader: DataLoader,
    task: str,
    *,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager[Any]],
    predicting: Callable[[torch.Tensor], AbstractContextManager[Any]],
    after_batch: Callable[[], None],
) -> Evaluation:
    """Run the model over a loader's batches, and score what all processes found.

    Args:
        model: The model, on `device`.
        loader: This process's batches, as many as on every other process.
        task: `mlm` or `classification`.
        device: Where the batches go.
        autocast: Makes the context that the model computes in.
        predicting: Makes, of the labels, the context that the model is run in.
        after_batch: Called behind each batch.
    """
    model.eval()
    sums = _Sums()
    batches = iter(loader)
    for _ in range(len(loader)):
        batch = on_all_ranks(lambda: next(batches), device)
        with torch.no_grad(), autocast():
            _add(sums, model, batch, task, device, predicting)
        after_batch()
    return _score(sums, task, n_rows=len(loader.dataset))  # type: ignore[arg-type]


def _add(
    sums: _Sums,
    model: torch.nn.Module,
    batch: Batch,
    task: str,
    device: torch.device,
    predicting: Callable[[torch.Tensor], AbstractContextManager[Any]],
) -> None:
    """Add what the model makes of a batch."""
    review = batch.pop("review", None)
    inputs = send_to_device(batch, device)
    labels = inputs.pop("labels")
    with predicting(labels):
        logits, predicted = at_labels(model(**inputs).logits, labels)
    sums.loss += float(cross_entropy(logits, predicted, reduction="sum"))
    sums.labels += len(predicted)
    if task == "classification" and review is not None:
        probabilities = logits.softmax(-1).cpu().double()
        found = (probabilities, predicted.cpu(), review[labels.ne(IGNORED).cpu()])
        sums.scored.append(tuple(part.numpy() for part in found))


def _score(sums: _Sums, task: str, *, n_rows: int) -> Evaluation:
    everyone: list[_Sums] = gather_object([sums])
    loss, n_labels = sum(one.loss for one in everyone), sum(one.labels for one in everyone)
    if task == "mlm":
        return Evaluation(mlm_metrics(loss, n_labels), n_rows)
    scored = [part for one in everyone for part in one.scored]
    columns = [np.concatenate(column) for column in zip(*scored, strict=True)]
    probabilities, labels = average_windows(columns[0], columns[1], columns[2])
    n_classes = probabilities.shape[1]
    confusion = confusion_matrix(labels, probabilities.argmax(axis=1), n_classes)
    metrics = {"loss": loss / n_labels, **classification_metrics(confusion)}
    return Evaluation(metrics, len(labels), confusion)
