"""Small files of every format and compression."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": lambda data: pa.compress(data, "zstd", asbytes=True),
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
ENDINGS = {"gzip": ".gz", "zstd": ".zst", "bz2": ".bz2", "xz": ".xz"}


def parquet_file(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def arrow_file(table: pa.Table, rows: int | None = None) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, rows)
    return sink.getvalue()


def arrow_stream(table: pa.Table, rows: int | None = None) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, rows)
    return sink.getvalue()


def _delimited(texts: Sequence[str], delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([["text"], *([text] for text in texts)])
    return out.getvalue().encode()


def _table(texts: Sequence[str]) -> pa.Table:
    return pa.table({"text": pa.array(texts, pa.string())})


# How to write texts in each format; `text` cannot hold a newline in a review.
WRITE: dict[str, Callable[[Sequence[str]], bytes]] = {
    "text": lambda texts: "".join(f"{text}\n" for text in texts).encode(),
    "jsonl": lambda texts: "".join(json.dumps({"text": text}) + "\n" for text in texts).encode(),
    "csv": lambda texts: _delimited(texts, ","),
    "tsv": lambda texts: _delimited(texts, "\t"),
    "parquet": lambda texts: parquet_file(_table(texts)),
    "arrow": lambda texts: arrow_file(_table(texts)),
    "arrow stream": lambda texts: arrow_stream(_table(texts)),
}
