"""`ElasticSampler`: which rows each process reads, whatever their number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch.distributed as dist
from torch.utils.data import Sampler

from training.reading.dataset import RowBatch
from training.sampling.order import Order
from transforms.functional.errors import DatasetError

# Batches of rows worked out at once: the cost of a numpy call is then shared by many.
_BATCHES_AT_ONCE = 256


class FetchesAhead(Protocol):
    """A dataset that can be told what will be read."""

    def fetch_ahead(self, shards: list[int]) -> None:
        """Begin to fetch shards."""


class ElasticSampler(Sampler[RowBatch]):
    """Batches of one process, for `DataLoader(dataset, batch_size=None, sampler=...)`.

    All processes together read the order's samples in turn: a global batch of `batch_size *
    world_size` samples follows the next, and each process takes its share. The state is the number
    of samples that all processes have read since the start of training. It says nothing of
    processes, so that a run goes on with any number of them.

    The last batch of an epoch may be smaller. It is shared out evenly; a process may get no row
    then (an empty `RowBatch`), so that all take the same number of steps.

    Args:
        order: The order of the samples.
        batch_size: Samples in a batch of one process.
        rank: This process; default: that of torch.distributed, 0 where that is not in use.
        world_size: Number of processes; default likewise.
        fetcher: A dataset to tell which shards come next.

    Raises:
        DatasetError: there are fewer samples than processes.
    """

    def __init__(
        self,
        order: Order,
        batch_size: int,
        *,
        rank: int | None = None,
        world_size: int | None = None,
        fetcher: FetchesAhead | None = None,
    ) -> None:
        """Store the options."""
        in_use = dist.is_available() and dist.is_initialized()
        self.rank = rank if rank is not None else dist.get_rank() if in_use else 0
        if world_size is None:
            world_size = dist.get_world_size() if in_use else 1
        self.world_size = world_size
        self.batch_size = batch_size
        self.order = order
        self.samples = 0
        self._fetcher = fetcher
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if not 0 <= self.rank < world_size:
            raise ValueError(f"rank must be from 0 to {world_size - 1}, got {self.rank}")
        if len(order) < world_size:
            raise DatasetError(
                f"the dataset has {len(order)} rows for {world_size} processes: start at most "
                f"{len(order)} processes, or give it more rows"
            )

    def __len__(self) -> int:
        """Return the number of batches in an epoch, the same on every process."""
        return -(-len(self.order) // (self.batch_size * self.world_size))

    @property
    def epoch(self) -> int:
        """Number of whole epochs that were read."""
        return self.samples // len(self.order)

    def __iter__(self) -> Iterator[RowBatch]:
        """Yield the batches from here to the end of the epoch."""
        n_samples, step = len(self.order), self.batch_size * self.world_size
        epoch, begin = divmod(self.samples, n_samples)
        fetched = begin
        while begin < n_samples:
            if self._fetcher is not None and begin >= fetched:
                fetched = self._fetch(epoch, begin)
            end = min(begin + _BATCHES_AT_ONCE * step, n_samples)
            for stop, batch in self._batches(epoch, begin, end):
                # Before the batch is out: whoever holds it may ask for the state.
                self.samples = epoch * n_samples + stop
                yield batch
            begin = end

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch, unless somewhere inside it already."""
        if epoch != self.epoch:
            self.samples = epoch * len(self.order)

    def state_dict(self) -> dict[str, int]:
        """Return the state: the samples that were handed out, to all processes.

        With worker processes a `DataLoader` asks for batches before it needs them: count the
        batches that were trained on then, `epoch * len(order) + batches * global batch`.
        """
        return {"samples": self.samples}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to where another run, of any number of processes, was."""
        self.samples = state["samples"]

    def _batches(self, epoch: int, begin: int, end: int) -> Iterator[tuple[int, RowBatch]]:
        """Yield this process's batches of positions `begin` to `end`, each with its global end."""
        step = self.batch_size * self.world_size
        shares = []
        for start in range(begin, end, step):
            stop = min(start + step, end)
            # The first `extra` processes take one sample more.
            share, extra = divmod(stop - start, self.world_size)
            first = start + self.rank * share + min(self.rank, extra)
            shares.append((stop, np.arange(first, first + share + (self.rank < extra))))
        rows, epochs = self.order.rows(epoch, np.concatenate([share for _, share in shares]))
        place = 0
        for stop, positions in shares:
            part = slice(place, place := place + len(positions))
            yield stop, RowBatch(rows[part], epochs[part])

    def _fetch(self, epoch: int, position: int) -> int:
        """Ask for the shards of this window and the next; return where the next one begins."""
        change, windows = self.order.windows(epoch, position)
        if self._fetcher is not None:
            self._fetcher.fetch_ahead([shard for window in windows for shard in window])
        return change
