"""Readers of other trainers' formats, written from what their documents say of the files."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]


def read_mds(folder: Path) -> list[Row]:
    index = json.loads((folder / "index.json").read_text())
    assert index["version"] == 2
    rows = []
    for shard in index["shards"]:
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        found = _rows(data, shard["samples"])
        rows += [_mds_row(row, shard) for row in found]
    return rows


def _rows(data: bytes, n_rows: int) -> list[bytes]:
    """Return the rows of a file that begins with their number and where each of them lies."""
    (n,) = struct.unpack_from("<I", data)
    assert n == n_rows
    ends = struct.unpack_from(f"<{n + 1}I", data, 4)
    assert ends[-1] == len(data)
    return [data[begin:end] for begin, end in pairwise(ends)]


def _mds_row(data: bytes, shard: dict[str, Any]) -> Row:
    names, encodings = shard["column_names"], shard["column_encodings"]
    assert names == sorted(names)
    sizes, at = [], 0
    for size in shard["column_sizes"]:
        if size is None:
            (size,) = struct.unpack_from("<I", data, at)
            at += 4
        sizes.append(size)
    row = {}
    for name, encoding, size in zip(names, encodings, sizes, strict=True):
        row[name] = _mds_value(encoding, data[at : at + size])
        at += size
    assert at == len(data)
    return row


def _mds_value(encoding: str, data: bytes) -> Any:
    kind, _, rest = encoding.partition(":")
    if kind != "ndarray":
        (value,) = np.frombuffer(data, kind)
        return value.item()
    dtype, _, shape = rest.partition(":")
    if shape:
        return np.frombuffer(data, dtype).reshape(int(shape)).tolist()
    assert data[0] >> 2 == 1  # One axis.
    width = 1 << (data[0] & 3)
    length = int.from_bytes(data[1 : 1 + width], "little")
    values = np.frombuffer(data[1 + width :], dtype)
    assert len(values) == length
    return values.tolist()


def read_litdata(folder: Path) -> list[Row]:
    index = json.loads((folder / "index.json").read_text())
    config = index["config"]
    names = json.loads(json.loads(config["data_spec"])[1]["context"])
    types = {2: "int32", 3: "int64", 4: "uint8", 9: "float32"}
    rows = []
    for chunk in index["chunks"]:
        data = (folder / chunk["filename"]).read_bytes()
        assert len(data) == chunk["chunk_bytes"]
        for row in _rows(data, chunk["chunk_size"]):
            sizes = struct.unpack_from(f"<{len(names)}I", row)
            at, values = 4 * len(names), {}
            for name, form, size in zip(names, config["data_format"], sizes, strict=True):
                kind, _, number = form.partition(":")
                dtype = {"int": "int64", "float": "float64"}.get(kind) or types[int(number)]
                value = np.frombuffer(row[at : at + size], dtype).tolist()
                values[name] = value if number else value[0]
                at += size
            assert at == len(row)
            rows.append(values)
    return rows


def read_jsonl(folder: Path) -> list[Row]:
    index = json.loads((folder / "_index.json").read_text())
    lines = [
        line for file in index["files"] for line in (folder / file["name"]).read_text().splitlines()
    ]
    assert len(lines) == sum(file["rows"] for file in index["files"])
    return [json.loads(line) for line in lines]


def read_megatron(folder: Path) -> list[list[int]]:
    index, tokens = ((folder / f"tokens.{end}").read_bytes() for end in ("idx", "bin"))
    magic, version, code, n, n_places = struct.unpack_from("<9sQBQQ", index)
    assert (magic, version, n_places) == (b"MMIDIDX\x00\x00", 1, n + 1)
    dtype = np.dtype({4: "<i4", 8: "<u2"}[code])
    at = struct.calcsize("<9sQBQQ")
    lengths = np.frombuffer(index, "<i4", n, at)
    begins = np.frombuffer(index, "<i8", n, at + 4 * n)
    places = np.frombuffer(index, "<i8", n + 1, at + 12 * n)
    assert at + 12 * n + 8 * (n + 1) == len(index)
    assert places.tolist() == list(range(n + 1))
    return [
        np.frombuffer(tokens, dtype, length, begin).tolist()
        for length, begin in zip(lengths.tolist(), begins.tolist(), strict=True)
    ]


READERS = {
    "mds": read_mds,
    "litdata": read_litdata,
    "jsonl": read_jsonl,
    "megatron": read_megatron,
}
