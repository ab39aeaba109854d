"""What a `DataLoader` of the trainer reads: whole batches, in an epoch that may begin anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset, Sampler

from training.data import Collator
from training.labels import check_labels
from training.model.collators import without_labels
from training.reading.row_reader import Batch, RowBatch
from training.reading.row_subset import RowSource
from training.sampling.sampler import ElasticSampler

_ZERO = np.zeros(1, np.int64)


@dataclass(eq=False)
class StepBatches(Dataset[Batch]):
    """The model's inputs of whole batches.

    Attributes:
        rows: The rows.
        collate: Makes the model's inputs.
        n_classes: Number of classes, None where a row has not one class.
    """

    rows: RowSource
    collate: Collator
    n_classes: int | None

    def __len__(self) -> int:
        """Return the number of rows, which is what the trainer logs."""
        return len(self.rows)

    def __getitems__(self, rows: RowBatch) -> Batch:
        """Return a batch; for a process without rows one that counts for nothing."""
        batch = self.collate(self.rows[rows if len(rows) else RowBatch(_ZERO, _ZERO)])
        if self.n_classes is not None:
            check_labels(batch["labels"], self.n_classes)
        return batch if len(rows) else without_labels(batch)


@dataclass(eq=False)
class StepSampler(Sampler["RowBatch | None"]):
    """The batches of an epoch for a `DataLoader`, which may begin in its middle.

    When `Trainer` resumes inside an epoch it passes over batches that were trained on. They are
    not worked out, let alone read: the first `passed` items are None.
    """

    sampler: ElasticSampler
    passed: int = 0

    def __len__(self) -> int:
        """Return the batches of an epoch."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[RowBatch | None]:
        """Yield None for each batch passed over, then the sampler's."""
        passed, self.passed = self.passed, 0
        for _ in range(passed):
            yield None
        yield from self.sampler
