"""A shard: rows as Arrow columns, in an IPC or Parquet file; see docs/format.md."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.functional.errors import ReviewShardsError
from transforms.functional.records import parquet_bytes
from transforms.functional.rows.rows import Rows

# Of the columns in a shard, and of how rows are made. Where shards lie is the manifest's matter.
SHARD_VERSION = 1
ROWS_PER_BATCH = 4096

ShardFormat = Literal["arrow", "parquet"]


def format_of(path: str) -> ShardFormat:
    """Return how a shard file is stored, which its ending says."""
    return "parquet" if path.endswith(".parquet") else "arrow"


def id_type(vocab_size: int) -> pa.DataType:
    """Return the smallest of uint16 and uint32 that holds every id of the vocabulary."""
    return pa.uint16() if vocab_size <= 1 << 16 else pa.uint32()


def rows_table(
    rows: Rows,
    *,
    vocab_size: int,
    sources: np.ndarray,
    records: np.ndarray,
    labels: np.ndarray | None = None,
) -> pa.Table:
    """Return rows as a table with the columns of a shard.

    Args:
        vocab_size: Number of ids; decides between uint16 and uint32.
        sources: (n_reviews,) uint32, the input file of each review of the part.
        records: (n_reviews,) uint64, its place in that file.
        labels: (n_reviews,) int64 classes or float32 numbers, (n_reviews, n_classes) float32, or
            None.
    """
    columns = {
        "input_ids": _tokens(rows, pa.array(rows.input_ids).cast(id_type(vocab_size))),
        "attention_mask": _tokens(rows, _bits(rows.attention_mask)),
        "word_starts": _tokens(rows, _bits(rows.word_starts)),
    }
    if rows.review_starts is not None:
        columns["review_starts"] = _tokens(rows, _bits(rows.review_starts))
    if rows.mlm_labels is not None:
        columns["labels"] = _tokens(rows, pa.array(rows.mlm_labels))
    elif labels is not None:
        columns["labels"] = _labels(labels[rows.review])
    columns["source"] = pa.array(sources[rows.review], pa.uint32())
    columns["record"] = pa.array(records[rows.review], pa.uint64())
    return pa.table(columns)


def _bits(values: npt.NDArray[np.bool_]) -> pa.BooleanArray:
    """Return what `pa.array(values)` returns, in a fifth of the time."""
    packed = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, packed])


def _packed(values: pa.BooleanArray) -> npt.NDArray[np.uint8]:
    """Return (n / 8,) uint8, the first value in the lowest bit, and 0 after the last."""
    bits = values.buffers()[1]
    if values.offset % 8 or bits is None:
        return np.packbits(values.to_numpy(zero_copy_only=False), bitorder="little")
    first, n_rest = values.offset // 8, len(values) % 8
    packed = np.frombuffer(bits, np.uint8)[first : first + -(-len(values) // 8)]
    if n_rest:  # Arrow leaves open what follows the last value.
        packed = packed.copy()
        packed[-1] &= (1 << n_rest) - 1
    return packed


def _labels(labels: np.ndarray) -> pa.Array:
    """Return labels of rows as a column: lists, where a row has several."""
    if labels.ndim == 1:
        return pa.array(labels)
    n_rows, n_classes = labels.shape
    item = pa.field("item", pa.float32(), nullable=False)
    offsets = pa.array(np.arange(n_rows + 1, dtype=np.int32) * np.int32(n_classes))
    return pa.ListArray.from_arrays(offsets, pa.array(labels.ravel()), type=pa.list_(item))


def _tokens(rows: Rows, values: pa.Array) -> pa.Array:
    item = pa.field("item", values.type, nullable=False)
    if rows.row_length is not None:
        return pa.FixedSizeListArray.from_arrays(values, type=pa.list_(item, rows.row_length))
    if rows.offsets[-1] > np.iinfo(np.int32).max:
        raise ReviewShardsError(
            f"a shard of {rows.offsets[-1]:,} tokens in ragged rows is more than a list column "
            f"holds: make --part_bytes smaller, or --stride"
        )
    offsets = pa.array(rows.offsets.astype(np.int32))
    return pa.ListArray.from_arrays(offsets, values, type=pa.list_(item))


def shard_bytes(table: pa.Table, shard_format: ShardFormat, metadata: Mapping[str, str]) -> bytes:
    """Return a shard file.

    Args:
        shard_format: `arrow`: an uncompressed IPC file in batches of `ROWS_PER_BATCH` rows, which
            is read from a memory map without a copy; `parquet`: zstd, for cold storage.
    """
    fields = [field.with_nullable(False) for field in table.schema]
    schema = pa.schema(fields, metadata=dict(metadata))
    table = table.cast(schema)
    if shard_format == "parquet":
        return parquet_bytes(table, row_group_size=ROWS_PER_BATCH)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(table, max_chunksize=ROWS_PER_BATCH)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def content_sha256(table: pa.Table) -> str:
    """Return the hash of the values in a shard, whatever file they are in.

    For each column in order: its name and type, the number of rows, then its values, little-endian,
    row after row; booleans packed eight to a byte, the first in the lowest bit. Rows of variable
    length put their lengths (int64) before the values.
    """
    digest = hashlib.sha256()
    for field in table.schema:
        column = table.column(field.name).combine_chunks()
        digest.update(f"{field.name}:{_type_name(field.type)}:{len(column)}\n".encode())
        if pa.types.is_list(field.type):
            digest.update(np.diff(column.offsets.to_numpy()).astype("<i8").tobytes())
        if pa.types.is_nested(field.type):
            column = column.flatten()
        if pa.types.is_boolean(column.type):
            digest.update(_packed(column).data)
        else:
            values = column.to_numpy(zero_copy_only=False)
            digest.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def _type_name(data_type: pa.DataType) -> str:
    if pa.types.is_fixed_size_list(data_type):
        return f"{data_type.value_type}[{data_type.list_size}]"
    if pa.types.is_list(data_type):
        return f"{data_type.value_type}[]"
    return str(data_type)


def read_shard(data: bytes | pa.Buffer, shard_format: ShardFormat) -> pa.Table:
    """Return the table in a shard file."""
    if shard_format == "parquet":
        return pq.read_table(pa.BufferReader(data))
    return pa.ipc.open_file(pa.BufferReader(data)).read_all()
