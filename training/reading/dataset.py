"""`ShardDataset`: the rows of a finished dataset as torch tensors, a whole batch in one gather."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from training.reading.manifest_source import Location, locate, read_manifest
from training.reading.row_reader import (
    COLUMNS,
    NO_EPOCH,
    REVIEW_COLUMNS,
    Batch,
    RowBatch,
    RowReader,
)
from training.reading.shard_cache import ShardCache
from training.reading.shard_files import Integers, ShardFiles
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import SUBSETS, ShardEntry
from transforms.functional.errors import DatasetError, UsageError
from transforms.functional.problem_type_names import MULTI
from transforms.functional.records import Records
from transforms.functional.wording import counted


class ShardDataset(Dataset[Batch]):
    """The rows of one subset, map-style.

    `ds[3]` gives one row, `ds[2:9]`, `ds[[7, 3, 5]]` and `ds[RowBatch(...)]` a batch: a dict with a
    tensor for each of `columns`. One row has no first axis.

    - `input_ids`: (n, length) int64.
    - `attention_mask`: (n, length) int64, 1 on real tokens, 0 on padding.
    - `word_ids`: (n, length) int64, the word's number in its row, -1 on special tokens.
    - `word_starts`: (n, length) bool, True at the first token of a word.
    - `labels`: (n,) int64 classes, (n,) float32 numbers, (n, n_classes) float32 multi-hot, or
      (n, length) int64 static MLM labels (-100: not predicted).
    - `block`: (n, 5) int64: epoch, split, part, subset, row in the shard; the key of a row's masks.
      The epoch of rows read by plain numbers is that of `set_epoch`, before it -1.
    - `review`: (n, 2) int64: input file and record number of the row's first review.

    Blocks of a dataset made with `--review_starts` or `--packing best_fit` know their reviews:

    - `review_starts`: (n, length) bool, True at the first token of a review.
    - `position_ids`: (n, length) int64, from 0 in each review, 0 on padding.
    - `seq_idx`: (n, length) int32, the review's number in its row, -1 on padding; `cu_seqlens_of`
      gives the ends of reviews that kernels for sequences of different lengths ask for.

    Ragged rows (`--padding longest`) are padded to the longest of their batch. Any process may
    read; a `DataLoader` with `batch_size=None` and a batch sampler loops over no row in Python, and
    one with a `batch_size` gives lists of rows to its collator.

    Args:
        url: Folder of the dataset, local or a URL.
        subset: `train` or `validation`.
        columns: What to make; default: ids, attention mask, and labels where there are any.
        cache: Where the shards of a remote dataset are kept; default: `ShardCache()`.

    Raises:
        DatasetError: there is no finished dataset, it has no rows in the subset, or is of a kind
            that cannot be read in place.
    """

    def __init__(
        self,
        url: str | Path,
        subset: Literal["train", "validation"] = "train",
        *,
        columns: Sequence[str] | None = None,
        cache: ShardCache | None = None,
    ) -> None:
        """Read the manifest; no shard is opened yet."""
        self.location = locate(str(url))
        self.manifest = read_manifest(self.location)
        self.subset = subset
        self.shards = _shards_of(self.manifest, self.location, subset)
        self.columns = _check_columns(columns, self.manifest)
        self.max_length = self.manifest.max_length
        self.shard_rows: list[int] = self.shards.column("rows").to_pylist()
        self.cache = None if self.location.is_local else (cache or ShardCache())
        self._reader = _make_reader(self)
        self._epoch = _shared(NO_EPOCH)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._reader.files)

    def __getitem__(self, index: int | slice | Sequence[int] | npt.ArrayLike | RowBatch) -> Batch:
        """Return a row or a batch; see the class.

        Raises:
            IndexError: there is no such row.
            DatasetError: a shard is missing or damaged.
        """
        if isinstance(index, RowBatch):
            return self._reader.read(index.rows, index.epochs, self.columns)
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self)), dtype=np.int64)
        rows = np.asarray(index, np.int64 if _is_empty(index) else None)
        if rows.dtype.kind not in "iu" or rows.ndim > 1:
            raise TypeError(f"a row number, a list of them or a slice is needed, got {index!r}")
        flat, epoch = rows.reshape(-1).astype(np.int64, copy=False), int(self._epoch.item())
        try:
            batch = self._reader.read(flat, epoch, self.columns)
        except IndexError:
            batch = self._reader.read(self._from_the_end(flat), epoch, self.columns)
        return {name: tensor[0] for name, tensor in batch.items()} if rows.ndim == 0 else batch

    def __getitems__(self, rows: Sequence[int] | RowBatch) -> list[Batch]:
        """Return rows one by one, for a `DataLoader` that stacks them itself: still one gather."""
        batch = self[rows]
        values = zip(*(tensor.unbind() for tensor in batch.values()), strict=True)
        return [dict(zip(batch, row, strict=True)) for row in values]

    def set_epoch(self, epoch: int) -> None:
        """Say in which epoch rows are read from now on that a sampler of torch names by number.

        Dynamic masks are those of the epoch. Worker processes hear of it, too; an `ElasticSampler`
        counts epochs by itself.

        Raises:
            UsageError: it is below 0.
        """
        if epoch < 0:
            raise UsageError(f"epoch must be at least 0, got {epoch}")
        self._epoch.fill_(epoch)

    def with_columns(self, columns: Sequence[str]) -> ShardDataset:
        """Return the same rows with other columns; mapped shards are shared."""
        other = copy.copy(self)
        other.columns = _check_columns(columns, self.manifest)
        other._epoch = _shared(int(self._epoch))
        return other

    @property
    def is_local(self) -> bool:
        """True where no shard has to be fetched."""
        return self.cache is None

    @property
    def is_ragged(self) -> bool:
        """True where rows have lengths of their own."""
        return self._reader.is_ragged

    def review_of(self, row: int) -> tuple[str, int]:
        """Return the input file of a row's first review, and its record number there (from 0)."""
        files = self._reader.files
        places = files.find(self._from_the_end(np.array([row], np.int64)))
        source, record = (int(files.gather(name, places)[0]) for name in ("source", "record"))
        return self.manifest.inputs[source].path, record

    def lengths(self, rows: Integers) -> npt.NDArray[np.int64]:
        """Return the number of tokens (n,) of rows (n,); padding of fixed rows counts."""
        if not self.is_ragged:
            return np.full(len(rows), self.max_length, np.int64)
        files = self._reader.files
        return files.ragged_lengths("input_ids", files.find(rows))

    def fetch_ahead(self, shards: Iterable[int]) -> None:
        """Begin to download shards that will be asked for soon, in this order."""
        if self.cache is not None:
            entries = [self.shards[shard] for shard in shards]
            urls = [(self.location.path(each.path), each) for each in entries]
            self.cache.fetch_ahead(urls, self._reader.files)

    def _from_the_end(self, rows: Integers) -> Integers:
        """Return rows (n,), the negative ones counted from the end."""
        low, high = int(rows.min()), int(rows.max())
        if low < -len(self) or high >= len(self):
            wrong = high if high >= len(self) else low
            raise IndexError(f"there is no row {wrong}: the subset has {counted(len(self), 'row')}")
        return np.where(rows < 0, rows + len(self), rows)


@dataclass(frozen=True)
class _ShardPaths:
    """Gives shards' local files: where they lie, or their copies in the cache."""

    location: Location
    shards: Records[ShardEntry]
    cache: ShardCache | None

    @property
    def is_bounded(self) -> bool:
        return self.cache is not None

    def name(self, shard: int) -> str:
        return self.location.path(self.shards[shard].path)

    def path(self, shard: int, *, patient: bool = False) -> Path:
        if self.cache is None:
            return Path(storage.locate(self.name(shard))[1])
        return self.cache.fetch(self.name(shard), self.shards[shard], patient=patient)

    def release(self, shard: int) -> None:
        if self.cache is not None:
            self.cache.release(self.shards[shard])

    def discard(self, shard: int) -> bool:
        if self.cache is None:
            return False
        self.cache.discard(self.shards[shard])
        return True

    def add_reader(self, reader: ShardFiles) -> None:
        if self.cache is not None:
            self.cache.add_reader(reader)


def _make_reader(dataset: ShardDataset) -> RowReader:
    manifest, shards = dataset.manifest, dataset.shards
    options, tokenizer = manifest.config, manifest.tokenizer
    classification = manifest.task == "classification"
    subset = SUBSETS.index(dataset.subset)
    return RowReader(
        files=ShardFiles(shards, _ShardPaths(dataset.location, shards, dataset.cache)),
        shard_keys=np.array([(shard.split, shard.part, subset) for shard in shards], np.int64),
        has_padding=np.array([s.tokens != s.rows * manifest.max_length for s in shards]),
        is_ragged=classification and options.get("padding") == "longest",
        static_labels=not classification,
        label_width=len(manifest.label_numbers or ()) if manifest.problem_type == MULTI else None,
        pad_id=tokenizer.special_token_ids.get("pad", 0),
        template_ids=np.array(tokenizer.template_ids(), np.uint32),
        max_length=manifest.max_length,
    )


def _shards_of(manifest: Manifest, location: Location, subset: str) -> Records[ShardEntry]:
    """Return the shards of a subset, after checking that they can be read."""
    if manifest.config.get("format", "arrow") != "arrow":
        raise DatasetError(
            f"{location.url} has shards in the {manifest.config['format']} format, which is for "
            f"cold storage: make the dataset with --format arrow to train on it"
        )
    if manifest.rows(subset) == 0:
        full = [
            f"{name} ({counted(manifest.rows(name), 'row')})"
            for name in SUBSETS
            if manifest.rows(name)
        ]
        raise DatasetError(
            f"{location.url} has no rows in subset {subset!r}, only in "
            f"{', '.join(full) or 'none'}: choose another subset, or make the dataset with another "
            f"--validation_fraction"
        )
    return manifest.subsets[subset]


def _check_columns(columns: Sequence[str] | None, manifest: Manifest) -> tuple[str, ...]:
    has_labels = manifest.task == "classification" or manifest.config.get("masking") == "static"
    if columns is None:
        return ("input_ids", "attention_mask", *(["labels"] if has_labels else []))
    known = COLUMNS + REVIEW_COLUMNS
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise UsageError(f"there is no column {unknown[0]!r}: choose of {', '.join(known)}")
    if not manifest.has_review_starts and not set(REVIEW_COLUMNS).isdisjoint(columns):
        raise DatasetError(
            "the dataset does not say where reviews begin in its blocks: make it with "
            "--review_starts or --packing best_fit"
        )
    if "labels" in columns and not has_labels:
        raise DatasetError(
            "the dataset has no labels: mask its blocks when training, or make it with "
            "--masking static or --task classification"
        )
    return tuple(columns)


def _shared(epoch: int) -> torch.Tensor:
    """Return an epoch in shared memory: workers that live longer than one see it change."""
    shared: torch.Tensor = torch.tensor(epoch).share_memory_()  # type: ignore[no-untyped-call]
    return shared


def _is_empty(index: object) -> bool:
    return isinstance(index, Sequence) and len(index) == 0
