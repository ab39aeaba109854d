"""Rows of shards as torch tensors: types, masks and padding of one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import torch

from training.reading.shard_files import Integers, Places, ShardFiles
from transforms.functional.errors import UsageError
from transforms.functional.rows.token_bits import position_ids_of, seq_idx_of, word_ids_from_starts

Batch = dict[str, torch.Tensor]

COLUMNS = ("input_ids", "attention_mask", "word_ids", "word_starts", "labels", "block", "review")
REVIEW_COLUMNS = ("review_starts", "position_ids", "seq_idx")  # Of datasets that have the first.
_BITS = ("word_starts", "review_starts")


NO_EPOCH = -1  # Of rows read by plain numbers, as long as nobody said which epoch it is.


@dataclass(eq=False, slots=True)  # Not frozen: one is made for every batch, and that is slow.
class RowBatch:
    """Rows to read as one batch, and the epoch that each is read in (masks depend on it).

    It is one batch of one process: whoever takes it apart, to share batches out among processes a
    second time, gets an error that says how not to.

    Attributes:
        rows: (n,) int64.
        epochs: (n,) int64.
    """

    rows: npt.NDArray[np.int64]
    epochs: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def __iter__(self) -> NoReturn:
        """Refuse.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "the batches of ElasticSampler are shared out among the processes already: leave the "
            "DataLoader out of accelerator.prepare(), or make it a ShardLoader"
        )

    def __getitem__(self, _: object) -> NoReturn:
        """Refuse, as `__iter__` does."""
        self.__iter__()


@dataclass(frozen=True, kw_only=True, eq=False)
class RowReader:
    """Makes batches; `ShardDataset` says what each column is.

    Attributes:
        files: The shards.
        shard_keys: (n_shards, 3) int64, split, part and subset number of each.
        has_padding: (n_shards,) bool, whether some row of the shard is padded.
        is_ragged: Rows have lengths of their own, and are padded here.
        static_labels: Labels are of tokens, not of rows.
        label_width: Labels of a row, where it has one for each class; None where it has one.
        pad_id: Id of padding.
        template_ids: Ids of the tokens that belong to no word.
        max_length: Tokens in a fixed row.
    """

    files: ShardFiles
    shard_keys: npt.NDArray[np.int64]
    has_padding: npt.NDArray[np.bool_]
    is_ragged: bool
    static_labels: bool
    label_width: int | None
    pad_id: int
    template_ids: npt.NDArray[np.uint32]
    max_length: int

    @cached_property
    def any_padding(self) -> bool:
        """True where some shard holds padding."""
        return bool(self.has_padding.any())

    def read(self, rows: Integers, epochs: Integers | int, columns: Sequence[str]) -> Batch:
        """Return the columns of rows (n,), read in epochs (n,) or all in one."""
        places = self.files.find(rows)
        batch: Batch = {}
        for name in columns:
            if name == "block":
                values: np.ndarray = self._blocks(rows, epochs, places)
            elif name == "review":
                values = self._reviews(places)
            elif name == "labels" and not self.static_labels:
                values = self._labels(places)
            elif name == "attention_mask":
                batch[name] = self._attention_mask(places)
                continue
            elif name == "word_ids":
                values = self._word_ids(places)
            elif name in ("position_ids", "seq_idx"):
                starts = self._tokens("review_starts", places)
                real = self._attention_mask(places).numpy().astype(np.bool_)
                values = (position_ids_of if name == "position_ids" else seq_idx_of)(starts, real)
            else:
                values = self._tokens(name, places)
            batch[name] = torch.from_numpy(values)
        return batch

    def _tokens(self, name: str, places: Places) -> np.ndarray:
        """Return a column of tokens, (n, length): bool for one of bits, else int64."""
        dtype = np.bool_ if name in _BITS else np.int64
        if not self.is_ragged:
            values = self.files.gather(name, places)
            return values.view(np.bool_) if dtype is np.bool_ else values.astype(np.int64)
        flat, lengths = self.files.gather_ragged(name, places)
        fill = self.pad_id if name == "input_ids" else 0
        return pad_to_longest(flat.astype(dtype), lengths, fill)

    def _labels(self, places: Places) -> np.ndarray:
        """Return (n,) labels, or (n, label_width); to an old row no later class applies."""
        if self.label_width is None:
            return self.files.gather("labels", places)
        flat, lengths = self.files.gather_ragged("labels", places)
        return pad_to_longest(flat, lengths, 0, self.label_width)

    def _attention_mask(self, places: Places) -> torch.Tensor:
        if self.is_ragged:
            lengths = self.files.ragged_lengths("input_ids", places)
            longest = int(lengths.max(initial=0))
            real = np.arange(longest) < lengths[:, None]
            return torch.from_numpy(real.astype(np.int64))
        if not self.any_padding or not self.has_padding[places.shard].any():
            # Packed blocks are full: their mask is known without a look at the file.
            return torch.ones((len(places.shard), self.max_length), dtype=torch.int64)
        return torch.from_numpy(self.files.gather("attention_mask", places).astype(np.int64))

    def _word_ids(self, places: Places) -> npt.NDArray[np.int64]:
        if not self.is_ragged:
            ids = self.files.gather("input_ids", places)
            starts = self.files.gather("word_starts", places).view(np.bool_)
        else:
            flat, lengths = self.files.gather_ragged("input_ids", places)
            ids = pad_to_longest(flat, lengths, self.pad_id)
            flat, lengths = self.files.gather_ragged("word_starts", places)
            starts = pad_to_longest(flat.view(np.bool_), lengths, False)
        return word_ids_from_starts(ids, starts, self.template_ids).astype(np.int64)

    def _blocks(
        self, rows: Integers, epochs: Integers | int, places: Places
    ) -> npt.NDArray[np.int64]:
        block = np.empty((len(rows), 5), np.int64)
        block[:, 0] = epochs
        block[:, 1:4] = self.shard_keys[places.shard]
        block[:, 4] = rows - self.files.shard_first_row[places.shard]
        return block

    def _reviews(self, places: Places) -> npt.NDArray[np.int64]:
        columns = [self.files.gather(name, places) for name in ("source", "record")]
        return np.stack([column.astype(np.int64) for column in columns], axis=1)


def pad_to_longest(
    values: np.ndarray,
    lengths: npt.NDArray[np.int64],
    fill: int | bool,
    longest: int | None = None,
) -> np.ndarray:
    """Return ragged rows, given end to end, as (n, longest), filled up at the right.

    Args:
        values: (sum of lengths,) of any type.
        lengths: (n,) of each row.
        fill: The padding.
        longest: Values in a row then; default: those of the longest row.
    """
    longest = int(lengths.max(initial=0)) if longest is None else longest
    padded: np.ndarray = np.full((len(lengths), longest), fill, values.dtype)
    padded[np.arange(longest) < lengths[:, None]] = values
    return padded


def as_batch(rows: Batch | Sequence[Batch]) -> Batch:
    """Return what a collator is given as one batch.

    Args:
        rows: A batch; or its rows one by one, from a `DataLoader` with a batch size.

    Raises:
        UsageError: it is one row without a batch.
    """
    if not isinstance(rows, Mapping):
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    if rows["input_ids"].ndim == 1:
        raise UsageError(
            "the DataLoader gives single rows, not batches: where accelerator.prepare() has taken "
            "its sampler, leave the loader out of prepare(), or make it a ShardLoader; otherwise "
            "give it a batch_size or a sampler of batches"
        )
    return rows


def concatenate(
    batches: Sequence[Batch], order: npt.NDArray[np.int64], fills: dict[str, Any]
) -> Batch:
    """Return batches as one, its rows put in an order, after padding them to one length.

    Args:
        batches: Batches with the same columns.
        order: (n,) the row of the joined batches that comes first, second, ...
        fills: Padding of each column of tokens; 0 for those not named.
    """
    joined: Batch = {}
    index = torch.from_numpy(order)
    for name in batches[0]:
        parts = [batch[name] for batch in batches]
        if parts[0].ndim == 2 and name not in ("block", "review"):
            longest = max(part.shape[1] for part in parts)
            parts = [
                torch.nn.functional.pad(
                    part, (0, longest - part.shape[1]), value=fills.get(name, 0)
                )
                for part in parts
            ]
        joined[name] = torch.cat(parts)[index]
    return joined
