"""`open_dataset`: the committed rows of a dataset, for Arrow, polars, pandas, datasets and torch.

What is not installed is asked for by name when its view is: `import transforms` loads none of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from transforms import storage
from transforms.finished.shards import check_sizes, read_table, shards_of
from transforms.functional.dataset.card import class_names
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.errors import UsageError
from transforms.functional.records import Records
from transforms.storage.generations import read_generation

if TYPE_CHECKING:
    import datasets
    import pandas
    import polars
    import pyarrow.dataset

    from training.reading.dataset import ShardDataset

# What brings each library.
_EXTRAS = {"datasets": "views", "pandas": "views", "polars": "views", "torch": "train"}


def open_dataset(
    url: str | Path, generation: int | None = None, *, check_hashes: bool = False
) -> OpenDataset:
    """Open a finished dataset: the rows of one generation, whatever lies beside them.

    Example:
        `finished`: a dataset.

        >>> rows = open_dataset(finished)["train"]
        >>> rows.to_arrow().column_names[:2]
        ['input_ids', 'attention_mask']

    Args:
        url: Folder or URL of the dataset, or one of its manifests.
        generation: Number of a generation; default: the newest, or the one that `url` names.
        check_hashes: Compare the sha256 of each shard that is read. Sizes and numbers of rows are
            always compared.

    Raises:
        InputError: there is no dataset, or its manifest is damaged.
        UsageError: there is no such generation.
    """
    folder, path, manifest = read_generation(str(url), generation)
    return OpenDataset(folder, path, manifest, check_hashes)


@dataclass(frozen=True)
class OpenDataset:
    """A dataset as one manifest says; `dataset["train"]` gives the rows of a subset.

    Attributes:
        folder: Folder or URL.
        path: The manifest's path below it.
        manifest: The manifest.
        check_hashes: Whether the hashes of shards are compared.
    """

    folder: str
    path: str
    manifest: Manifest
    check_hashes: bool = False

    @property
    def generation(self) -> int:
        """Number of the generation."""
        return self.manifest.generation

    @property
    def subsets(self) -> list[str]:
        """The subsets that have rows."""
        return [name for name in self.manifest.subsets if self.manifest.rows(name)]

    def __getitem__(self, subset: str) -> SubsetRows:
        """Return the rows of a subset.

        Raises:
            DatasetError: it has none, or a shard is gone or was cut off.
        """
        shards = shards_of(self.folder, self.manifest, subset)
        check_sizes(self.folder, subset, shards)
        return SubsetRows(self, subset, shards)


@dataclass(frozen=True)
class SubsetRows:
    """The rows of one subset, in the order of the manifest.

    Each view raises `DatasetError` where a shard is not what the manifest says, and `UsageError`
    where its library is not installed.

    Attributes:
        dataset: The dataset.
        subset: Name of the subset.
        shards: What the manifest says of its shards.
    """

    dataset: OpenDataset
    subset: str
    shards: Records[ShardEntry]

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shards.total("rows")

    @property
    def paths(self) -> list[str]:
        """The paths or URLs of the shards."""
        paths = self.shards.column("path").to_pylist()
        return [storage.join(self.dataset.folder, path) for path in paths]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self._table(self.shards[0]).schema

    def column_names(self, chosen: Sequence[str] | None = None) -> list[str]:
        """Return the names of columns: those that were chosen, or all.

        Raises:
            UsageError: there is no such column.
        """
        names: list[str] = self.schema.names
        for name in chosen or ():
            if name not in names:
                raise UsageError(f"there is no column {name!r}: choose of {', '.join(names)}")
        return names if chosen is None else list(chosen)

    def identity(self, columns: Sequence[str]) -> str:
        """Return a hash of the values in some columns: another one for other rows."""
        digest = hashlib.sha256(f"{list(columns)}".encode())
        for content in self.shards.column("content_sha256").to_pylist():
            digest.update(content.encode())
        return digest.hexdigest()[:32]

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows shard by shard, for what is larger than memory."""
        yield from map(self._table, self.shards)

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return an Arrow table; local Arrow shards are mapped, and copied nowhere.

        Args:
            columns: Names of columns; default: all.
        """
        names = self.column_names(columns)
        return pa.concat_tables(table.select(names) for table in self.tables())

    def to_arrow_dataset(self) -> pyarrow.dataset.Dataset:
        """Return an Arrow dataset, from which DuckDB, polars and others read what they need."""
        # Imported here: it loads pandas where that is installed, which takes half a second.
        import pyarrow.dataset

        names = [storage.locate(path)[1] for path in self.paths]
        return pyarrow.dataset.dataset(
            names,
            schema=self.schema,
            filesystem=storage.locate(self.dataset.folder)[0],
            format=self.shards[0].format,
        )

    def to_polars(self, columns: Sequence[str] | None = None) -> polars.DataFrame:
        """Return a polars frame; rows of one length become `Array` columns."""
        frame: polars.DataFrame = _load("polars").from_arrow(self.to_arrow(columns))
        return frame

    def to_pandas(self, columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """Return a pandas frame, with a numpy array in each cell of a column of tokens."""
        _load("pandas")
        return self.to_arrow(columns).to_pandas()

    def to_datasets(self, columns: Sequence[str] | None = None) -> datasets.Dataset:
        """Return a `datasets.Dataset`, whose class labels have their names."""
        library = _load("datasets")
        table = self.to_arrow(columns)
        features = library.Features.from_arrow_schema(table.schema)
        names = class_names(self.dataset.manifest)
        if names and "labels" in features:
            features["labels"] = library.ClassLabel(names=names)
        return library.Dataset(
            library.table.InMemoryTable(table),
            info=library.DatasetInfo(features=features),
            split=library.Split(self.subset),
            # By it `map` finds again what it has made of the same rows.
            fingerprint=self.identity(table.column_names),
        )

    def to_torch(self, columns: Sequence[str] | None = None) -> ShardDataset:
        """Return a `training.ShardDataset`: batches of tensors, a remote shard through its cache.

        Args:
            columns: What to make: names that `ShardDataset` knows, such as `word_ids`.
        """
        _load("torch")
        # Imported here: it is the other program, which needs torch.
        from training.reading.dataset import ShardDataset

        url = storage.join(self.dataset.folder, self.dataset.path)
        return ShardDataset(url, self.subset, columns=columns)  # type: ignore[arg-type]

    def _table(self, shard: ShardEntry) -> pa.Table:
        dataset = self.dataset
        return read_table(dataset.folder, shard, check_hash=dataset.check_hashes)


def _load(library: str) -> Any:
    """Return a library that only an extra brings."""
    try:
        return import_module(library)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        raise UsageError(
            f"{library} is not installed: pip install 'review-shards[{_EXTRAS[library]}]'"
        ) from None
