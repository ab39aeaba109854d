"""`ShardLoader`: PyTorch's loader with what every loop over shards needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from training.reading.row_reader import Batch
from training.reading.row_subset import RowSource
from training.sampling.sampler import ElasticSampler


def as_it_is(batch: Batch) -> Batch:
    """Return the batch. Given to a `DataLoader` it spares a walk through every batch."""
    return batch


class ShardLoader(DataLoader[Any]):
    """A `DataLoader` over whole batches, whose state counts the batches that were handed out.

    - `loader.set_epoch(epoch)` before each epoch is welcome, and not needed.
    - `loader.state_dict()` is right at any batch, with any number of workers; `load_state_dict`
      makes the next loop begin there, in a run of any number of processes.
    - Lightning and `accelerator.prepare(model, optimizer, loader)` leave it as it is: what each
      process reads is the sampler's business. Batches stay on the CPU.
    - Without worker processes and pinned memory a batch comes straight from the dataset: what
      `DataLoader` does around it takes as long as the batch.

    Args:
        dataset: The rows.
        sampler: The batches of this process.
        collate_fn: Makes the model's inputs of a batch; default: the batch as it is.
        options: Those of `DataLoader`: `num_workers`, `pin_memory`, ...
    """

    # What accelerate looks for: it would share the batches out a second time.
    _is_accelerate_prepared = True

    def __init__(
        self,
        dataset: RowSource,
        sampler: ElasticSampler,
        *,
        collate_fn: Callable[[Any], Any] = as_it_is,
        **options: Any,
    ) -> None:
        """Store the options; no row is read."""
        super().__init__(
            dataset,  # type: ignore[arg-type]  # It asks for `__getitem__` only.
            batch_size=None,
            sampler=sampler,
            collate_fn=collate_fn,
            **options,
        )
        self._sampler = sampler

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # DataLoader names its class.
        """Yield the batches from here to the end of the epoch."""
        samples = self._sampler.samples
        in_process = not self.num_workers and not self.pin_memory
        for batch in self._in_process() if in_process else super().__iter__():
            samples = self._sampler.after(samples)
            # Workers have asked the sampler for more than was handed out.
            self.load_state_dict({"samples": samples})
            yield batch

    def _in_process(self) -> Iterator[Any]:
        """Yield the batches as `DataLoader` does, which draws a number at each start."""
        torch.empty((), dtype=torch.int64).random_(generator=self.generator)
        for rows in self._sampler:
            yield self.collate_fn(self.dataset[rows])

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch, unless somewhere inside it already."""
        self._sampler.set_epoch(epoch)

    def state_dict(self) -> dict[str, int]:
        """Return the state: the samples that were handed out, to all processes."""
        return self._sampler.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin the next loop where another run, of any number of processes, was."""
        self._sampler.load_state_dict(state)
