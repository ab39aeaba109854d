"""`ElasticSampler`: which rows each process reads, whatever their number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch.distributed as dist
from torch.utils.data import DistributedSampler

from training.reading.row_reader import RowBatch
from training.reading.row_subset import RowSource
from training.sampling.order import Order
from transforms.functional.errors import DatasetError
from transforms.functional.wording import counted

# Batches of rows worked out at once: the cost of a numpy call is then shared by many.
_BATCHES_AT_ONCE = 256


class ElasticSampler(DistributedSampler[RowBatch]):
    """Batches of one process, for a `ShardLoader` or `DataLoader(dataset, batch_size=None, ...)`.

    All processes together read the order's samples in turn: a global batch of `batch_size *
    world_size` samples follows the next, and each process takes its share. The state is the number
    of samples that all processes have read since the start of training. It says nothing of
    processes, so that a run goes on with any number of them.

    The last batch of an epoch may be smaller. It is shared out evenly; a process may get no row
    then (an empty `RowBatch`), so that all take the same number of steps. With `drop_last` an epoch
    ends before it.

    It is a `DistributedSampler` by its type only: Lightning and others leave those as they are, and
    share the batches of any other sampler out a second time.

    Args:
        order: The order of the samples.
        batch_size: Samples in a batch of one process.
        rank: This process; default: that of torch.distributed, 0 where that is not in use.
        world_size: Number of processes; default likewise.
        fetcher: A dataset to tell which shards come next.
        drop_last: Leave out the last batch of an epoch if it is smaller, on all processes.

    Raises:
        DatasetError: there are fewer samples than processes, or than in one batch of all processes
            with `drop_last`.
    """

    def __init__(
        self,
        order: Order,
        batch_size: int,
        *,
        rank: int | None = None,
        world_size: int | None = None,
        fetcher: RowSource | None = None,
        drop_last: bool = False,
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
        self.drop_last = drop_last
        self._fetcher = fetcher
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if not 0 <= self.rank < world_size:
            raise ValueError(f"rank must be from 0 to {world_size - 1}, got {self.rank}")
        if len(order) < world_size:
            raise DatasetError(
                f"the dataset has {counted(len(order), 'row')} for {world_size} processes: "
                f"start at most {len(order)}, or give it more rows"
            )
        if drop_last and not len(self):
            raise DatasetError(
                f"the dataset has {counted(len(order), 'row')}, fewer than the "
                f"{self.global_batch} of a batch of all processes: lower batch_size, or leave "
                f"drop_last out"
            )

    def __len__(self) -> int:
        """Return the number of batches in an epoch, the same on every process."""
        return -(-self._end // self.global_batch)

    @property
    def global_batch(self) -> int:
        """Samples in a batch of all processes."""
        return self.batch_size * self.world_size

    @property
    def _end(self) -> int:
        """The position where an epoch ends."""
        n_samples = len(self.order)
        return n_samples - n_samples % self.global_batch if self.drop_last else n_samples

    @property
    def epoch(self) -> int:  # type: ignore[override]  # A number that the state gives.
        """Number of whole epochs that were read."""
        return self.samples // len(self.order)

    def __iter__(self) -> Iterator[RowBatch]:
        """Yield the batches from here to the end of the epoch."""
        epoch, begin = self._place(self.samples)
        fetched = begin
        while begin < self._end:
            if self._fetcher is not None and begin >= fetched:
                fetched, windows = self.order.windows(epoch, begin)
                self._fetcher.fetch_ahead([shard for window in windows for shard in window])
            end = min(begin + _BATCHES_AT_ONCE * self.global_batch, self._end)
            for stop, batch in self._batches(epoch, begin, end):
                # Before the batch is out: whoever holds it may ask for the state.
                self.samples = epoch * len(self.order) + stop
                yield batch
            begin = end
        self.samples = (epoch + 1) * len(self.order)

    def after(self, samples: int) -> int:
        """Return the samples that all processes have read after one batch more."""
        epoch, begin = self._place(samples)
        end = begin + self.global_batch
        return epoch * len(self.order) + (end if end < self._end else len(self.order))

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch, unless somewhere inside it already."""
        if epoch != self.epoch:
            self.samples = epoch * len(self.order)

    def state_dict(self) -> dict[str, int]:
        """Return the state: the samples that were handed out, to all processes.

        With worker processes a `DataLoader` asks for batches before it needs them: take the state
        of a `ShardLoader`, or of torchdata's `StatefulDataLoader`, which count what they hand out.
        """
        return {"samples": self.samples}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to where another run, of any number of processes, was."""
        self.samples = state["samples"]

    def _place(self, samples: int) -> tuple[int, int]:
        """Return the epoch and the position in it where the next batch begins."""
        epoch, position = divmod(samples, len(self.order))
        # With another number of processes: inside the batch that is left out now.
        return (epoch, position) if position < self._end else (epoch + 1, 0)

    def _batches(self, epoch: int, begin: int, end: int) -> Iterator[tuple[int, RowBatch]]:
        """Yield this process's batches of positions `begin` to `end`, each with its global end."""
        step = self.global_batch
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
