"""Files that say more than they hold: refused in one line, and no byte of the job gets out."""

import io
import subprocess
import sys

import pyarrow as pa
import pytest

from tests.paths import ROOT
from tests.transforms.functional.readers.files import arrow_file, arrow_stream, parquet_file
from tests.transforms.functional.readers.seen import read, rejected, reviews
from transforms.functional.errors import InputError
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.read_file import index_groups


@pytest.mark.parametrize("seed", [1, 5])
def test_hundreds_of_mutated_files_are_read_or_refused(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.transforms.functional.readers.fuzz", str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    n_read, n_refused = map(int, done.stdout.split())
    assert n_read + n_refused == 500
    assert min(n_read, n_refused) > 50


def _coded(text: str, rows: int) -> pa.Table:
    codes = pa.repeat(pa.scalar(0, pa.int32()), rows)
    return pa.table({"text": pa.DictionaryArray.from_arrays(codes, pa.array([text]))})


def _zstd(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


BOMBS = {
    "parquet, one text a million times": (
        "parquet",
        lambda: parquet_file(_coded("x" * 100_000, 1_000_000), compression="zstd"),
    ),
    "parquet, nothing but nulls": (
        "parquet",
        lambda: parquet_file(pa.table({"text": pa.nulls(20_000_000, pa.string())})),
    ),
    "arrow, compressed": ("arrow", lambda: _zstd(pa.table({"text": ["x" * (100 << 20)]}))),
    "arrow, one text 100,000 times": ("arrow", lambda: arrow_file(_coded("x" * 100_000, 100_000))),
    "arrow stream, one text 100,000 times": (
        "arrow",
        lambda: arrow_stream(_coded("x" * 100_000, 100_000)),
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_that_asks_for_gigabytes_is_refused(bomb: str) -> None:
    file_format, make = BOMBS[bomb]
    data = make()
    assert len(data) < 1 << 20
    with pytest.raises(InputError, match=r"^in/reviews: unpacks to more than 250 times its size"):
        read(data, file_format)


def test_a_file_is_looked_through_before_its_groups_are_counted() -> None:
    data = _zstd(pa.table({"label": [1], "text": ["x" * (100 << 20)]}))
    file = FileRange(source=0, path="in/reviews", format="arrow")
    with pytest.raises(InputError, match="decompression bomb"):
        index_groups(io.BytesIO(data), file, "text")


@pytest.mark.parametrize("write", [arrow_file, arrow_stream, _zstd, parquet_file])
def test_texts_that_repeat_are_read(write) -> None:
    table = pa.table({"text": ["a film " * 100] * 10_000})
    assert (
        len(reviews(read(write(table), "parquet" if write is parquet_file else "arrow"))) == 10_000
    )


def test_an_offset_out_of_its_buffer_is_damage() -> None:
    data = bytearray(arrow_file(pa.table({"text": ["one", "two"]})))
    place = data.index(b"\3\0\0\0\6\0\0\0")
    data[place + 4 : place + 8] = (1 << 20).to_bytes(4, "little")
    with pytest.raises(InputError, match="not readable as arrow"):
        read(bytes(data), "arrow")


@pytest.mark.parametrize("write", [arrow_file, parquet_file])
@pytest.mark.parametrize("kind", ["plain", "codes"])
def test_a_text_that_is_not_utf8_is_its_records_fault_alone(write, kind: str) -> None:
    texts = pa.array([b"good", b"bad \xff"]).view(pa.string())
    table = pa.table({"text": texts.dictionary_encode() if kind == "codes" else texts})
    chunks = read(write(table), "parquet" if write is parquet_file else "arrow")
    assert reviews(chunks) == [(0, "good")]
    assert [(record, raw) for record, _, raw in rejected(chunks)] == [(1, b"bad \xff")]
