"""Random rows of a dataset: some to train on, others to evaluate on."""

from __future__ import annotations

import numpy as np

from training.reading.dataset import ShardDataset
from training.reading.row_subset import RowSubset
from training.sampling.permutation import key_of, permute
from transforms.functional.errors import DatasetError

_DRAW = 4  # What the key is for; see training.sampling.order.


def draw_rows(dataset: ShardDataset, counts: list[int], seed: int) -> list[RowSubset]:
    """Return disjoint random subsets of a dataset.

    Args:
        dataset: The dataset.
        counts: Rows in each subset.
        seed: Seed of the draw, 0 to 2**64 - 1.

    Raises:
        DatasetError: the dataset has fewer rows.
    """
    if sum(counts) > len(dataset):
        raise DatasetError(
            f"{dataset.location.url} has {len(dataset)} rows in subset {dataset.subset!r}, fewer "
            f"than the {sum(counts)} asked for: lower --max_train_rows and --max_eval_rows"
        )
    rows = permute(np.arange(sum(counts)), len(dataset), key_of(seed, _DRAW))
    parts = np.split(rows, np.cumsum(counts)[:-1])
    return [RowSubset(dataset, part) for part in parts]
