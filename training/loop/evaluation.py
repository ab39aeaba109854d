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
from torch.utils.data import DataLoader
from transformers.trainer_utils import EvalLoopOutput

from training.loop.losses import at_labels, loss_sum
from training.loop.metrics import average_windows, mlm_metrics, score_reviews, scores_of
from training.loop.processes import on_all_ranks
from transforms.functional.problem_type_names import ProblemType
from transforms.functional.rows.masking import IGNORED


@dataclass
class Evaluation:
    """What an evaluation found.

    Attributes:
        metrics: Names and numbers.
        n_scored: Rows (mlm) or reviews (classification).
        confusion: (n_classes, n_classes) counts; None where a review has not one class.
    """

    metrics: dict[str, float]
    n_scored: int
    confusion: npt.NDArray[np.int64] | None = None

    def as_output(self, prefix: str) -> EvalLoopOutput:
        """Return it as `Trainer` wants it."""
        metrics = {f"{prefix}_{name}": value for name, value in self.metrics.items()}
        return EvalLoopOutput(
            predictions=np.empty(0), label_ids=None, metrics=metrics, num_samples=self.n_scored
        )


@dataclass
class _Sums:
    """What one process has seen."""

    loss: float = 0.0
    labels: int = 0
    right: int = 0
    scored: list[tuple[npt.NDArray[Any], ...]] = field(default_factory=list)

    def add(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        review: torch.Tensor | None,
        problem_type: ProblemType | None,
    ) -> None:
        """Add what the model makes of a batch."""
        logits, predicted = at_labels(logits, labels)
        self.loss += float(loss_sum(logits, predicted, problem_type))
        self.labels += predicted.numel()
        if problem_type is None or review is None:
            self.right += int(logits.argmax(-1).eq(predicted).sum())
            return
        is_whole = labels.is_floating_point()
        review = review[: len(labels)] if is_whole else review[labels.ne(IGNORED).cpu()]
        scores = scores_of(logits.reshape(len(predicted), -1), problem_type)
        found = (scores.cpu().double(), predicted.cpu(), review)
        self.scored.append(tuple(part.numpy() for part in found))


def evaluate_batches(
    model: torch.nn.Module,
    loader: DataLoader,
    problem_type: ProblemType | None,
    *,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager[Any]],
    predicting: Callable[[torch.Tensor], AbstractContextManager[Any]],
    after_batch: Callable[[], None],
) -> Evaluation:
    """Run the model over a loader's batches, and score what all processes found.

    Args:
        loader: This process's batches, as many as on every other process.
        problem_type: What a label is, None for mlm.
        autocast: Makes the context that the model computes in.
        predicting: Makes, of the labels, the context that the model is run in.
        after_batch: Called behind each batch.
    """
    model.eval()
    sums = _Sums()
    batches = iter(loader)
    for _ in range(len(loader)):
        batch = on_all_ranks(lambda: next(batches), device)
        review = batch.pop("review", None)
        inputs = send_to_device(batch, device)
        labels = inputs.pop("labels")
        with torch.no_grad(), autocast(), predicting(labels):
            sums.add(model(**inputs).logits, labels, review, problem_type)
        after_batch()
    return _score(sums, problem_type, n_rows=len(loader.dataset))  # type: ignore[arg-type]


def _score(sums: _Sums, problem_type: ProblemType | None, *, n_rows: int) -> Evaluation:
    everyone: list[_Sums] = gather_object([sums])
    loss, n_labels = sum(one.loss for one in everyone), sum(one.labels for one in everyone)
    if problem_type is None:
        n_right = sum(one.right for one in everyone)
        return Evaluation(mlm_metrics(loss, n_labels, n_right), n_rows)
    scored = [part for one in everyone for part in one.scored]
    columns = [np.concatenate(column) for column in zip(*scored, strict=True)]
    scores, labels = average_windows(columns[0], columns[1], columns[2])
    metrics, confusion = score_reviews(scores, labels, problem_type)
    return Evaluation({"loss": loss / n_labels, **metrics}, len(labels), confusion)
