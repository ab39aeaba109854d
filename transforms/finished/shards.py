"""The shards that a manifest names, checked against what it says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.dataset.shards import read_shard
from transforms.functional.errors import DatasetError, InputError
from transforms.functional.records import Records
from transforms.functional.wording import counted

# What Arrow raises for a damaged file; names that are no UTF-8 are a ValueError.
_ARROW_ERRORS = (pa.ArrowException, OSError, ValueError)


def shards_of(folder: str, manifest: Manifest, subset: str) -> Records[ShardEntry]:
    """Return what a manifest says of the shards of a subset.

    Raises:
        DatasetError: the subset has no rows, or there is none of that name.
    """
    if not manifest.rows(subset):
        full = [name for name in manifest.subsets if manifest.rows(name)]
        raise DatasetError(
            f"{folder} has no rows in subset {subset!r}, only in: {', '.join(full) or 'none'}"
        )
    return manifest.subsets[subset]


def check_sizes(folder: str, subset: str, shards: Sequence[ShardEntry]) -> None:
    """Check that shards are there, and as large as the manifest says: one look at each folder.

    Raises:
        DatasetError: one is not.
    """
    sizes = storage.file_sizes(storage.join(folder, subset))
    for shard in shards:
        size = sizes.get(shard.path.removeprefix(f"{subset}/"))
        if size is None:
            raise _damaged(folder, shard, "is gone")
        _check_size(folder, shard, size)


def read_table(folder: str, shard: ShardEntry, *, check_hash: bool) -> pa.Table:
    """Return the rows of a shard: of a memory map where the file is local, and not compressed.

    Args:
        check_hash: Compare the sha256 of all bytes, too.

    Raises:
        DatasetError: it is not what the manifest says, or cannot be read.
    """
    data = _read(folder, shard)
    _check_size(folder, shard, data.size)
    if check_hash and hashlib.sha256(data).hexdigest() != shard.sha256:
        raise _damaged(folder, shard, "is damaged: its sha256 is not the one in the manifest")
    try:
        table = read_shard(data, shard.format)
    except _ARROW_ERRORS as error:
        raise _damaged(folder, shard, f"is damaged: {error}") from error
    if table.num_rows != shard.rows:
        raise _damaged(
            folder, shard, f"has {counted(table.num_rows, 'row')} instead of {shard.rows}"
        )
    # What it holds of the run that made it differs from shard to shard.
    return table.replace_schema_metadata(None)


def _read(folder: str, shard: ShardEntry) -> pa.Buffer:
    path = storage.join(folder, shard.path)
    try:
        if not storage.is_local(path):
            return pa.py_buffer(storage.read_bytes(path))
        name = storage.locate(path)[1]
        if Path(name).stat().st_size == 0:  # Nothing to map.
            return pa.py_buffer(b"")
        # A closed file stays mapped for as long as somebody holds the buffer.
        with pa.memory_map(name) as source:
            return source.read_buffer()
    except FileNotFoundError:
        raise _damaged(folder, shard, "is gone") from None
    except (OSError, InputError) as error:
        raise DatasetError(f"shard {path} cannot be read: {error}") from error


def _check_size(folder: str, shard: ShardEntry, size: int) -> None:
    if size != shard.bytes:
        what = f"has {size} bytes, the manifest says {shard.bytes}"
        raise _damaged(folder, shard, what)


def _damaged(folder: str, shard: ShardEntry, what: str) -> DatasetError:
    path = storage.join(folder, shard.path)
    return DatasetError(f"shard {path} {what}: `review-shards repair {folder}` makes it again")
