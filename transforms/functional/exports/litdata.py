"""The chunks of Lightning's `litdata`, for its `StreamingDataset`.

A chunk is: the number of rows, where each begins and ends (uint32), the rows. A row is: the bytes
of each column (uint32), then the values, column by column.
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

# The numbers that litdata gives to types.
_TYPES = {"int32": 2, "int64": 3, "uint8": 4, "float32": 9}
_LEAF: dict[str, Any] = {"type": None, "context": None, "children_spec": []}


def litdata_files(exported: ExportRows) -> Files:
    """Yield the files of a dataset of `litdata`, `index.json` last."""
    rows = (row for columns in exported.batches() for row in _rows(columns))
    chunks = []
    for number, chunk in enumerate(chunked(rows, exported.chunk_bytes)):
        name = f"chunk-0-{number}.bin"
        data = b"".join([row_index(chunk, 0), *chunk])
        entry = {"chunk_bytes": len(data), "chunk_size": len(chunk), "dim": None, "filename": name}
        chunks.append(entry)
        yield name, data
    index = {
        "chunks": chunks,
        "config": _config(exported.columns(), exported.chunk_bytes),
        # By it a reader knows that what it keeps is another dataset's.
        "updated_at": exported.version,
    }
    yield "index.json", json.dumps(index, sort_keys=True).encode()


def _config(columns: Sequence[ExportColumn], chunk_bytes: int) -> dict[str, Any]:
    names = json.dumps([column.name for column in columns])
    tree = {"type": "builtins.dict", "context": names, "children_spec": [_LEAF] * len(columns)}
    return {
        "chunk_bytes": chunk_bytes,
        "chunk_size": None,
        "compression": None,
        "data_format": [_format(column) for column in columns],
        # A dict by the names of columns, in the form in which torch writes such trees down.
        "data_spec": json.dumps([1, tree]),
        "encryption": None,
        "item_loader": "PyTreeLoader",
    }


def _format(column: ExportColumn) -> str:
    dtype = column.values.dtype
    if column.is_list:
        return f"no_header_numpy:{_TYPES[dtype.name]}"
    return "float" if dtype.kind == "f" else "int"


def _rows(columns: Sequence[ExportColumn]) -> Iterator[bytes]:
    for row in zip(*map(_values, columns), strict=True):
        yield b"".join([np.array([len(value) for value in row], "<u4").tobytes(), *row])


def _values(column: ExportColumn) -> Iterator[bytes]:
    """Yield the values of each row; a single number takes eight bytes."""
    if not column.is_list and column.values.dtype == np.float32:
        return (value.tobytes() for value in column.values.astype("<f8"))
    return column.rows()
