"""MDS, the format of MosaicML's `streaming`, version 2.

A file is: the number of rows, where each begins and ends (uint32), the columns as JSON, the rows. A
row is: the bytes of each column without a fixed size (uint32), then the values, column by column.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from transforms.functional.exports.columns import (
    ExportColumn,
    ExportRows,
    Files,
    chunked,
    row_index,
)


def mds_files(exported: ExportRows) -> Files:
    """Yield the files of an MDS dataset, `index.json` last."""
    config = _config(exported.columns(), exported.chunk_bytes)
    header = json.dumps(config, sort_keys=True).encode()
    rows = (row for columns in exported.batches() for row in _rows(columns))
    shards = []
    for number, chunk in enumerate(chunked(rows, exported.chunk_bytes)):
        name = f"shard.{number:05d}.mds"
        data = b"".join([row_index(chunk, len(header)), header, *chunk])
        file = {"basename": name, "bytes": len(data), "hashes": {}}
        shards.append({**config, "raw_data": file, "samples": len(chunk), "zip_data": None})
        yield name, data
    yield "index.json", json.dumps({"shards": shards, "version": 2}, sort_keys=True).encode()


def _config(columns: Sequence[ExportColumn], chunk_bytes: int) -> dict[str, Any]:
    """Return what a file says of itself."""
    return {
        "column_encodings": [_encoding(column) for column in columns],
        "column_names": [column.name for column in columns],
        "column_sizes": [
            None if column.width is None else column.width * column.values.itemsize
            for column in columns
        ],
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": chunk_bytes,
        "version": 2,
    }


def _encoding(column: ExportColumn) -> str:
    dtype: str = column.values.dtype.name
    if not column.is_list:
        return dtype
    return f"ndarray:{dtype}" if column.width is None else f"ndarray:{dtype}:{column.width}"


def _rows(columns: Sequence[ExportColumn]) -> Iterator[bytes]:
    ragged = [column.width is None for column in columns]
    for row in zip(*map(_values, columns), strict=True):
        sizes = [len(value) for value, is_ragged in zip(row, ragged, strict=True) if is_ragged]
        yield b"".join([np.array(sizes, "<u4").tobytes(), *row])


def _values(column: ExportColumn) -> Iterator[bytes]:
    """Yield the values of each row; arrays without a fixed size say how long they are."""
    if column.width is not None:
        return column.rows()
    return (_with_shape(row, column.values.itemsize) for row in column.rows())


def _with_shape(values: bytes, itemsize: int) -> bytes:
    """Return an array of one axis: its number of axes and the type of its length, length, values.

    The type is the smallest that holds the length: 0 for uint8, 1 for uint16, 2 for uint32.
    """
    length = len(values) // itemsize
    kind = (length >= 1 << 8) + (length >= 1 << 16)
    return bytes([1 << 2 | kind]) + length.to_bytes(1 << kind, "little") + values
