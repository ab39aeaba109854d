"""JSON Lines: a row is an object with the columns of the shards; bits are 0 and 1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from transforms.functional.exports.columns import ExportColumn, ExportRows, Files, chunked


def jsonl_files(exported: ExportRows) -> Files:
    """Yield the files, and last `_index.json`, which says what they hold."""
    lines = (line for columns in exported.batches() for line in _lines(columns))
    files = []
    for number, chunk in enumerate(chunked(lines, exported.chunk_bytes)):
        name, data = f"{number:05d}.jsonl", b"".join(chunk)
        digest = hashlib.sha256(data).hexdigest()
        files.append({"name": name, "rows": len(chunk), "bytes": len(data), "sha256": digest})
        yield name, data
    index = {"version": exported.version, "files": files}
    # Who reads a folder as a dataset passes over names that begin so.
    yield "_index.json", (json.dumps(index, indent=1) + "\n").encode()


def _lines(columns: Sequence[ExportColumn]) -> Iterator[bytes]:
    names = [column.name for column in columns]
    for row in zip(*(column.lists() for column in columns), strict=True):
        text = json.dumps(dict(zip(names, row, strict=True)), separators=(",", ":"))
        yield f"{text}\n".encode()
