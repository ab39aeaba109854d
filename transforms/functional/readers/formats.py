"""What a file is, told by its name: `reviews.jsonl.gz` is gzipped JSON Lines."""

from __future__ import annotations

from typing import Literal, cast, get_args

from transforms.functional.errors import UsageError
from transforms.functional.unpacking.archive_paths import name_of
from transforms.functional.unpacking.compression import without_compression

FileFormat = Literal["text", "jsonl", "json", "csv", "tsv", "parquet", "arrow"]

FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
# Formats that are read from an index in the file: they need seeks, and split at that index.
INDEXED: tuple[FileFormat, ...] = ("parquet", "arrow")
# Formats that can be cut at any line end; not a JSON array.
LINE_BASED: tuple[FileFormat, ...] = ("text", "jsonl", "json")

_ENDINGS: dict[str, FileFormat] = {
    ".txt": "text",
    ".text": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


def format_of(path: str, input_format: str = "auto") -> FileFormat:
    """Return the format of a file: the one given, or for `auto` the one that its ending names.

    Raises:
        UsageError: the ending says nothing.
    """
    if input_format != "auto":
        return cast(FileFormat, input_format)
    name = without_compression(name_of(path).lower())
    for ending, file_format in _ENDINGS.items():
        if name.endswith(ending):
            return file_format
    raise UsageError(
        f"cannot tell the format of {path} from its ending: pass --input_format "
        f"({', '.join(FORMATS)}), or a narrower --input"
    )
