"""One shard file: mapped into memory, checked, and where the values of its columns lie in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.dataset.shards import ROWS_PER_BATCH
from transforms.functional.errors import DatasetError

# What Arrow raises for a damaged file; names that are no UTF-8 are a ValueError.
_ARROW_ERRORS = (pa.ArrowException, OSError, ValueError)


class DamagedShardError(DatasetError):
    """A file is not the shard that the manifest names."""


@dataclass(frozen=True)
class ColumnType:
    """What a column's values are.

    Attributes:
        dtype: Type of a value; uint8 for bits.
        bits: Bits that a value takes in the file.
        width: Values in a row; 1 where rows are scalars, or ragged.
        is_list: Rows are lists, not scalars.
        is_ragged: Rows are lists with lengths of their own.
    """

    dtype: np.dtype
    bits: int
    width: int
    is_list: bool
    is_ragged: bool

    @classmethod
    def of(cls, data_type: pa.DataType) -> ColumnType:
        """Return the type of an Arrow column: numbers or booleans, or lists of them."""
        is_list = bool(pa.types.is_nested(data_type))
        fixed = bool(pa.types.is_fixed_size_list(data_type))
        value_type = data_type.value_type if is_list else data_type
        # Not `to_pandas_dtype`, which imports pandas.
        dtype = pa.array([], value_type).to_numpy(zero_copy_only=False).dtype
        return cls(
            dtype=np.dtype(np.uint8) if dtype.kind == "b" else dtype,
            bits=int(value_type.bit_width),
            width=int(data_type.list_size) if fixed else 1,
            is_list=is_list,
            is_ragged=is_list and not fixed,
        )


@dataclass(frozen=True)
class Column:
    """Where the values of a column are, for each record batch of a shard.

    Attributes:
        type: What they are.
        values: (n_batches,) int64, the byte where the values begin.
        offsets: (n_batches,) int64, the byte where the int32 offsets of ragged rows begin, else 0.
    """

    type: ColumnType
    values: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]


@dataclass(frozen=True)
class MappedShard:
    """A shard in memory; the file may be removed meanwhile.

    Attributes:
        data: The bytes of the file.
        columns: Its columns by name.
    """

    data: memoryview
    columns: dict[str, Column]


def map_shard(path: Path, name: str, entry: ShardEntry, *, check_hash: bool = True) -> MappedShard:
    """Map a shard's file, and check that it is what the manifest says.

    Args:
        name: The shard's path or URL, for messages.
        entry: What the manifest says of it.
        check_hash: Compare the sha256 of all bytes: once for each process is enough.

    Raises:
        DamagedShardError: the file is another one, or was changed.
        DatasetError: it is not there, or cannot be read in place.
    """
    buffer = _map(path, name)
    if buffer.size != entry.bytes:
        raise DamagedShardError(
            f"shard {name} has {buffer.size} bytes, the manifest says {entry.bytes}: it was cut "
            f"off or replaced; make the dataset again with --overwrite"
        )
    if check_hash and hashlib.sha256(buffer).hexdigest() != entry.sha256:
        raise DamagedShardError(
            f"shard {name} is damaged: its sha256 is not the one in the manifest; make the dataset "
            f"again with --overwrite"
        )
    try:
        reader = pa.ipc.open_file(buffer)
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        for batch in batches:
            batch.validate(full=True)
        fields = [(field.name, field.type) for field in reader.schema]
    except _ARROW_ERRORS as error:
        raise DamagedShardError(f"shard {name} is damaged, no Arrow file: {error}") from error
    if [batch.num_rows for batch in batches] != list(_batch_rows(entry.rows)):
        raise DamagedShardError(
            f"shard {name} has other rows than its manifest says: make it again"
        )
    columns = {
        column: _column(column, data_type, [batch.column(i) for batch in batches], buffer, name)
        for i, (column, data_type) in enumerate(fields)
    }
    return MappedShard(memoryview(buffer), columns)


def _map(path: Path, name: str) -> pa.Buffer:
    try:
        if path.stat().st_size == 0:  # Nothing to map.
            return pa.py_buffer(b"")
        # A closed file stays mapped for as long as somebody holds the buffer: without this each
        # shard would keep a file descriptor.
        with pa.memory_map(str(path)) as source:
            return source.read_buffer()
    except OSError as error:
        why = error.strerror or " ".join(str(error).split())
        raise DatasetError(
            f"shard {name} cannot be opened ({why}): make the dataset again, with the same "
            f"command; it keeps the shards that are there"
        ) from error


def _batch_rows(rows: int) -> Iterator[int]:
    """Yield the rows of each record batch of a shard."""
    for begin in range(0, rows, ROWS_PER_BATCH):
        yield min(ROWS_PER_BATCH, rows - begin)


def _column(
    column: str, data_type: pa.DataType, arrays: list[pa.Array], buffer: pa.Buffer, name: str
) -> Column:
    """Return where a column's values lie in the file.

    Raises:
        DatasetError: they do not lie there as plain values: nulls, compression, other types.
    """
    is_list = pa.types.is_list(data_type)
    value_type = data_type
    if is_list or pa.types.is_fixed_size_list(data_type):
        value_type = data_type.value_type
    plain = pa.types.is_primitive(value_type)
    buffers = [array.buffers() for array in arrays]
    # Validity of the rows, offsets of ragged ones, validity of the values, the values.
    values = [each[-1] for each in buffers]
    offsets = [each[1] for each in buffers] if is_list else []
    held = sum(each is not None for row in buffers for each in row)
    end = buffer.address + buffer.size
    if (
        not plain
        or held != len(values) + len(offsets)
        or any(not buffer.address <= each.address < end for each in (*values, *offsets))
    ):
        raise DatasetError(
            f"column {column!r} of shard {name} cannot be read in place: it was not written by "
            f"this project; make the dataset again with --overwrite"
        )
    return Column(
        ColumnType.of(data_type),
        np.array([each.address - buffer.address for each in values], np.int64),
        np.array([each.address - buffer.address for each in offsets] or [0] * len(values)),
    )
