"""Which bytes, row groups or record batches of which input file."""

from __future__ import annotations

from dataclasses import dataclass

from transforms.functional.readers.formats import Compression, FileFormat


@dataclass(frozen=True, kw_only=True)
class FileRange:
    """What to read of one input file.

    Attributes:
        source: Index of the file among the inputs.
        path: Path or URL.
        format: What the file holds.
        compression: How it is compressed, None for not.
        start: First byte (text, JSON Lines), row group (Parquet) or record batch (Arrow).
        end: The one after the last; None reads to the end.
        label: Label of every review in it, where folders give labels.
    """

    source: int
    path: str
    format: FileFormat
    compression: Compression | None = None
    start: int = 0
    end: int | None = None
    label: int | None = None
