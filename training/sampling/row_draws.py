"""Random rows of a dataset: some to train on, others, of other reviews, to evaluate on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.reading.dataset import ShardDataset
from training.reading.row_subset import RowSubset
from training.sampling.permutation import key_of, permute
from transforms.functional.errors import DatasetError
from transforms.functional.wording import counted

Integers = npt.NDArray[np.int64]

_ROWS_AT_ONCE = 1 << 12

_DRAW = 4  # What the key is for; see training.sampling.order.


def draw_rows(dataset: ShardDataset, count: int, seed: int) -> RowSubset:
    """Return random rows to train on; see `draw_reviews`."""
    return RowSubset(dataset, _shuffled(dataset, count, seed)[:count])


def draw_reviews(dataset: ShardDataset, count: int, seed: int) -> RowSubset:
    """Return random rows to evaluate on: whole reviews, until they are `count` rows or more.

    Each review is as likely as another, however many windows it has. Blocks are scored by
    themselves: of those there are exactly `count`.

    Args:
        seed: Seed of the draw, 0 to 2**64 - 1.

    Raises:
        DatasetError: the dataset has fewer rows.
    """
    shuffled = _shuffled(dataset, count, seed)
    if dataset.manifest.task == "mlm":
        return RowSubset(dataset, shuffled[:count])
    facts, chosen, total = _Facts(dataset), [np.zeros(0, np.int64)], 0
    for begin in range(0, len(shuffled), _ROWS_AT_ONCE):
        part = shuffled[begin : begin + _ROWS_AT_ONCE]
        first = part[~facts.goes_on(part)]
        sizes = facts.sizes(first)
        taken = total + np.cumsum(sizes) - sizes < count
        first, sizes = first[taken], sizes[taken]
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        chosen.append(np.repeat(first, sizes) + inside)
        total += int(sizes.sum())
        if total >= count:
            break
    return RowSubset(dataset, np.concatenate(chosen))


def set_apart(
    dataset: ShardDataset, eval_count: int, train_count: int | None, seed: int
) -> tuple[RowSubset, RowSubset]:
    """Return rows to evaluate on, and rows to train on that share no review with them.

    Args:
        eval_count: Rows to evaluate on; see `draw_reviews`.
        train_count: Rows to train on, None: all that are left.
        seed: Seed of the draw, 0 to 2**64 - 1.

    Raises:
        DatasetError: there are fewer rows.
    """
    shuffled = _shuffled(dataset, eval_count + (train_count or 1), seed)
    evaluation = draw_reviews(dataset, eval_count, seed)
    shared = related_rows(dataset, evaluation.rows)
    left = shuffled[~np.isin(shuffled, shared)]
    if len(left) < (train_count or 1):
        raise DatasetError(
            f"{dataset.location.url} has {counted(len(left), 'row')} that share no review with the "
            f"{eval_count} to evaluate on, fewer than the {train_count or 1} asked for: lower "
            f"--max_train_rows and --max_eval_rows, or make it with --validation_fraction"
        )
    return evaluation, RowSubset(dataset, left[:train_count])


def related_rows(dataset: ShardDataset, rows: Integers) -> Integers:
    """Return the rows that share a review with any of some rows, those included, ascending.

    Args:
        rows: (n,) int64.
    """
    facts = _Facts(dataset)
    if dataset.manifest.is_best_fit:
        return _with_windows(facts, rows)
    found = [rows]
    # To the left for as long as a row goes on with the review that the first row begins with.
    here, review = rows, facts.reviews(rows)
    while len(here):
        goes_on = facts.goes_on(here) & (facts.reviews(here) == review).all(axis=1)
        here, review = here[goes_on] - 1, review[goes_on]
        found.append(here)
    # To the right for as long as rows go on with the review that the first row ends with.
    here = rows[facts.goes_on(rows + 1)] + 1
    review = facts.reviews(here)
    while len(here):
        found.append(here)
        goes_on = facts.goes_on(here + 1)
        here, review = here[goes_on] + 1, review[goes_on]
        same = (facts.reviews(here) == review).all(axis=1)
        here, review = here[same], review[same]
    return np.unique(np.concatenate(found))


def _with_windows(facts: _Facts, rows: Integers) -> Integers:
    """Return rows with those before and behind that windows of long reviews link to them."""
    found = [rows]
    for step in (-1, 1):
        here = rows
        while len(here):
            here = here[facts.goes_on(here + max(step, 0))] + step
            found.append(here)
    return np.unique(np.concatenate(found))


class _Facts:
    """What rows say of their reviews."""

    def __init__(self, dataset: ShardDataset) -> None:
        self._reviews = dataset.with_columns(["review"])
        self._ids = dataset.with_columns(["input_ids"])
        self._is_block = dataset.manifest.task == "mlm"
        self._of_reviews = None
        if dataset.manifest.is_best_fit:
            self._of_reviews = dataset.with_columns(["attention_mask", "review_starts"])
        self._prefix = list(dataset.manifest.tokenizer.prefix)
        self._first_rows = np.cumsum([0, *dataset.shard_rows])

    def reviews(self, rows: Integers) -> Integers:
        """Return (n, 2) input file and record of the review that each row begins with."""
        return self._reviews[rows]["review"].numpy()

    def goes_on(self, rows: Integers) -> npt.NDArray[np.bool_]:
        """Return (n,) whether each row goes on with a review of the row before it."""
        goes_on = ~np.isin(rows, self._first_rows)  # Shards share no review; the end is no row.
        inside = rows[goes_on]
        if self._of_reviews is not None:
            # Windows of a long review fill rows by themselves, all but the last.
            before = self._of_reviews[inside - 1]
            full = before["attention_mask"].all(dim=1)
            goes_on[goes_on] = (full & (before["review_starts"].sum(dim=1) == 1)).numpy()
        elif self._is_block:
            # One that begins a review begins with the template's tokens; without any it may go on.
            ids = self._ids[inside]["input_ids"].numpy()
            n = len(self._prefix)
            goes_on[goes_on] = ~(ids[:, :n] == self._prefix).all(axis=1) if n else True
        else:
            goes_on[goes_on] = (self.reviews(inside) == self.reviews(inside - 1)).all(axis=1)
        return goes_on

    def sizes(self, first: Integers) -> Integers:
        """Return (n,) the number of windows of the reviews whose first rows are given."""
        sizes, active = np.ones_like(first), np.arange(len(first))
        while len(active):
            active = active[self.goes_on(first[active] + sizes[active])]
            sizes[active] += 1
        return sizes


def _shuffled(dataset: ShardDataset, needed: int, seed: int) -> Integers:
    """Return all rows in random order.

    Raises:
        DatasetError: there are fewer than needed.
    """
    if needed > len(dataset):
        raise DatasetError(
            f"{dataset.location.url} has {counted(len(dataset), 'row')} in subset "
            f"{dataset.subset!r}, fewer than the {needed} asked for: lower --max_train_rows and "
            f"--max_eval_rows"
        )
    return permute(np.arange(len(dataset)), len(dataset), key_of(seed, _DRAW))
