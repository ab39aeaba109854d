"""How fast a run trains: tokens a second, and how much of a GPU that uses."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import torch
from transformers import PreTrainedModel, TrainerCallback

from training.loop.processes import sum_on_all_ranks
from training.reading.row_reader import Batch

# Most operations a second of 16-bit matrices without sparsity, from NVIDIA's data sheets.
_PEAKS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10G": 70e12,
    "V100": 125e12,
    "T4": 65e12,
}


class Throughput(TrainerCallback):
    """Counts the tokens of steps, and the time that they take; evaluations are not in it.

    Args:
        model: The model, before it is wrapped for several processes.
        device: Where it is trained.
        half_precision: Whether it computes in 16 bits.
    """

    def __init__(self, model: PreTrainedModel, device: torch.device, *, half_precision: bool):
        """Look up what the device can do."""
        self._device = device
        # For each weight and token: a multiplication and an addition, once forward and twice
        # backward. Embeddings only look up; products of queries and keys are left out.
        self._operations = 6 * model.num_parameters(exclude_embeddings=True)
        is_gpu = device.type == "cuda"
        name = torch.cuda.get_device_name(device) if is_gpu else ""
        self._peak = peak_operations(name) if half_precision else None
        self._tokens = 0
        self._seconds = 0.0
        self._begin: float | None = None

    def begin(self) -> None:
        """A step begins: its batches are asked for."""
        self._begin = time.perf_counter()

    def count(self, batches: Iterable[Batch]) -> None:
        """Count the tokens of a step's batches on this process."""
        self._tokens += sum(n_tokens(batch) for batch in batches)

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Stop the clock until the next step begins."""
        if self._begin is not None:
            self._seconds += time.perf_counter() - self._begin
            self._begin = None

    def since_last(self) -> dict[str, float]:
        """Return what to log of the steps since the last call; all processes must call it."""
        if not self._seconds:
            return {}
        tokens, n_processes = sum_on_all_ranks([self._tokens, 1], self._device)
        speed = tokens / self._seconds
        self._tokens, self._seconds = 0, 0.0
        found = {"tokens_per_second": round(speed, 1)}
        if self._peak is not None:
            found["mfu"] = round(speed * self._operations / (self._peak * n_processes), 4)
        return found


def n_tokens(batch: Batch) -> int:
    """Return the tokens of a batch, without padding where the batch says what that is."""
    real: Any = batch.get("attention_mask")
    if isinstance(real, torch.Tensor) and real.shape == batch["input_ids"].shape:
        return int(real.sum())
    return batch["input_ids"].numel()


def peak_operations(name: str) -> float | None:
    """Return the most 16-bit operations a second of a GPU, None for one that is not known."""
    return next((peak for part, peak in _PEAKS.items() if part in name), None)
