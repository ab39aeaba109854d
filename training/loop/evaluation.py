"""One pass over the evaluation rows, on all processes: exact sums, no row twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

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
from training.loop.processes import together

if TYPE_CHECKING:
    from training.loop.trainer import ShardTrainer


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


def evaluate_batches(trainer: ShardTrainer, loader: DataLoader, task: str) -> Evaluation:
    """Run the model over a loader's batches, and score what all processes found."""
    model = _prepare(trainer)
    model.eval()
    sums = _Sums()
    batches = iter(loader)
    for _ in range(len(loader)):
        batch = together(lambda: next(batches), trainer.args.device)
        review = batch.pop("review", None)
        inputs = trainer._prepare_inputs(batch)
        labels = inputs.pop("labels")
        with torch.no_grad(), trainer.compute_loss_context_manager():
            logits = model(**inputs).logits.float()
        loss = cross_entropy(
            logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), reduction="sum"
        )
        real = labels.ne(-100)
        sums.loss += float(loss)
        sums.labels += int(real.sum())
        if task == "classification" and review is not None:
            probabilities = logits.softmax(-1)[real]
            found = (probabilities.cpu().double(), labels[real].cpu(), review[real.cpu()])
            sums.scored.append(tuple(part.numpy() for part in found))
        else:
            sums.rows += len(labels) if bool(real.any()) else 0
        trainer.control = trainer.callback_handler.on_prediction_step(
            trainer.args, trainer.state, trainer.control
        )
    return _score(sums, task)


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


def _prepare(trainer: ShardTrainer) -> torch.nn.Module:
    """Return the model ready to evaluate, as `Trainer.evaluation_loop` prepares it."""
    model = trainer._wrap_model(cast(torch.nn.Module, trainer.model), training=False)
    accelerator = trainer.accelerator
    if len(accelerator._models) == 0 and model is trainer.model:
        if trainer.is_fsdp_enabled:
            model = accelerator.prepare(model)
            trainer.model = model
        else:
            model = accelerator.prepare_model(model, evaluation_mode=True)
        if model is not trainer.model:
            trainer.model_wrapped = model
    return model
