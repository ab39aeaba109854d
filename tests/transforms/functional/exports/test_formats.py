"""What is exported holds the same values, for readers by the formats' documents and their own."""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.functional.exports.readers import READERS
from transforms.functional.exports.columns import ExportRows, chunked
from transforms.functional.exports.formats import FORMATS

BITS = pa.field("item", pa.bool_(), nullable=False)


def _table(lists: Any, **columns: Any) -> pa.Table:
    """Return three rows, as shards hold them."""
    lengths = [3, 3, 3] if lists == "fixed" else [3, 1, 300]

    def of(kind: pa.DataType, value: Any) -> pa.Array:
        values = [[value(row, place) for place in range(n)] for row, n in enumerate(lengths)]
        return pa.array(values, pa.list_(kind, 3) if lists == "fixed" else pa.list_(kind))

    return pa.table(
        {
            "input_ids": of(pa.uint16(), lambda row, place: 65_535 - 100 * row - place % 100),
            "attention_mask": of(pa.bool_(), lambda row, place: place <= row or lists != "fixed"),
            **columns,
            "record": pa.array([7, 2**40, 0], pa.uint64()),
        }
    )


TABLES = {
    "blocks": _table("fixed"),
    "static masks": _table(
        "fixed", labels=pa.array([[-100, 5, -100], [-100] * 3, [1] * 3], pa.list_(pa.int32(), 3))
    ),
    "classes": _table("ragged", labels=pa.array([0, -1, 3], pa.int64())),
    "numbers": _table("fixed", labels=pa.array([0.1, -1.5, 3e8], pa.float32())),
    "several classes": _table(
        "ragged", labels=pa.array([[0, 1], [1, 1], [0.5, 0]], pa.list_(pa.float32()))
    ),
}


def plain(value: Any) -> Any:
    """Return bits as numbers."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, bool) else value


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    return [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()]


def real_tokens(table: pa.Table) -> list[list[int]]:
    return [
        [token for token, real in zip(row["input_ids"], row["attention_mask"], strict=True) if real]
        for row in rows_of(table)
    ]


def write(folder: Path, name: str, table: pa.Table, chunk_bytes: int = 1 << 20) -> list[str]:
    """Write an export of a table in two pieces, and return the names of its files."""
    exported = ExportRows(
        tables=[table[:1], table[1:]], schema=table.schema, vocab_size=65_499 + (name == "mds"),
        version="f00d", chunk_bytes=chunk_bytes,
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    names = []
    for file, data in FORMATS[name].files(exported):
        with (folder / file).open("ab") as out:
            out.write(data)
        names.append(file)
    return names


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("name", ["mds", "litdata", "jsonl"])
def test_every_row_comes_back_as_it_was(tmp_path: Path, name: str, kind: str) -> None:
    write(tmp_path, name, TABLES[kind])
    assert READERS[name](tmp_path) == rows_of(TABLES[kind])


def test_megatron_holds_the_real_tokens_of_each_row(tmp_path: Path) -> None:
    assert write(tmp_path, "megatron", TABLES["blocks"]) == ["tokens.bin"] * 2 + ["tokens.idx"]
    assert READERS["megatron"](tmp_path) == real_tokens(TABLES["blocks"])
    assert [len(row) for row in real_tokens(TABLES["blocks"])] == [1, 2, 3]


@pytest.mark.parametrize(("vocab_size", "itemsize"), [(65_499, 2), (65_500, 4)])
def test_megatron_takes_the_type_that_its_own_tools_take(vocab_size: int, itemsize: int) -> None:
    table = TABLES["blocks"]
    exported = ExportRows(tables=[table], schema=table.schema, vocab_size=vocab_size, version="")
    tokens, index = (data for _, data in FORMATS["megatron"].files(exported))
    assert len(tokens) == 6 * itemsize
    assert struct.unpack_from("<9sQBQQ", index)[2] == {2: 8, 4: 4}[itemsize]


@pytest.mark.parametrize("name", ["mds", "litdata", "jsonl"])
def test_files_are_cut_at_rows_and_the_index_comes_last(tmp_path: Path, name: str) -> None:
    names = write(tmp_path, name, TABLES["classes"], chunk_bytes=1)
    assert len(set(names)) == len(names) == 4
    assert names[-1] == FORMATS[name].index
    assert READERS[name](tmp_path) == rows_of(TABLES["classes"])


def test_rows_go_into_a_chunk_while_they_fit() -> None:
    rows = [b"aa", b"b", b"cccc", b"d"]
    assert list(chunked(rows, 3)) == [[b"aa", b"b"], [b"cccc"], [b"d"]]
    assert list(chunked([], 3)) == []


# What each library reads, by its own reader, as JSON.
OWN_READERS = {
    "mds": """
from streaming import LocalDataset
rows = [dict(row) for row in LocalDataset(folder)]
""",
    "litdata": """
from litdata import StreamingDataset
data = StreamingDataset(folder)
rows = [data[number] for number in range(len(data))]
""",
    "megatron": """
from megatron.core.datasets.indexed_dataset import IndexedDataset
data = IndexedDataset(folder + "/tokens")
rows = [data[number] for number in range(len(data))]
assert data.document_indices.tolist() == list(range(len(rows) + 1))
""",
}
PACKAGES = {"mds": "streaming", "litdata": "litdata", "megatron": "megatron"}
WHY = {
    "mds": "mosaicml-streaming 0.13 asks for numpy below 2.2 and transformers below 5",
    "litdata": "litdata is not installed; the Makefile does it",
    "megatron": "megatron-core is not installed",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN_READERS)
def test_the_own_reader_of_each_library_reads_the_same(tmp_path: Path, name: str) -> None:
    if importlib.util.find_spec(PACKAGES[name]) is None:
        pytest.skip(WHY[name])
    table = TABLES["blocks" if name == "megatron" else "classes"]
    write(tmp_path / "data", name, table)
    # In a process of its own: they start threads, and keep things in the user's folder.
    code = f"""
import json, sys
import numpy as np
folder = sys.argv[1]
{OWN_READERS[name]}
print("ROWS", json.dumps(rows, default=lambda value: value.tolist()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "data")],
        env={**os.environ, "HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.rpartition("ROWS ")[2])
    assert found == (real_tokens(table) if name == "megatron" else rows_of(table))


def test_arrays_of_numpy_are_what_a_row_holds(tmp_path: Path) -> None:
    """The types are those that torch computes with."""
    columns = ExportRows(
        tables=[], schema=TABLES["classes"].schema, vocab_size=9, version=""
    ).columns()
    assert {column.name: column.values.dtype for column in columns} == {
        "input_ids": np.int32, "attention_mask": np.uint8, "labels": np.int64, "record": np.int64,
    }  # fmt: skip
