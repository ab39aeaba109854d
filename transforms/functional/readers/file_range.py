"""Which bytes, row groups or record batches of which input file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from transforms.functional.readers.dialect import DELIMITERS, Dialect, character_of
from transforms.functional.readers.formats import FileFormat
from transforms.functional.unpacking.compression import Compression


class Group(NamedTuple):
    """A row group (Parquet) or record batch (Arrow): its rows, and about the bytes of its text."""

    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FileRange:
    """What to read of one input file.

    Attributes:
        source: Index of the file among the inputs.
        path: Path or URL.
        format: What the file holds.
        compression: How it is compressed, None for not.
        start: First byte (text, JSON Lines), row group (Parquet) or record batch (Arrow).
        end: The one after the last; None reads to the end.
        record: Row number of the first row (Arrow, which keeps no count of rows).
        bytes: Size of the whole file when the job was planned, None where nobody knows.
        version: What told the file from others of its name then, empty where nobody knows.
        label: Label of every review in it, where folders give labels.
        delimiter: What stands between the fields of CSV and TSV, as the option names it.
        quoting: Whether quotes mean something there.
        escape: What makes the next character plain text, as the option names it.
    """

    source: int
    path: str
    format: FileFormat
    compression: Compression | None = None
    start: int = 0
    end: int | None = None
    record: int = 0
    bytes: int | None = None
    version: str = ""
    label: int | None = None
    delimiter: str = "auto"
    quoting: Literal["minimal", "none"] = "minimal"
    escape: str = "none"

    @property
    def dialect(self) -> Dialect:
        """How CSV and TSV are read."""
        auto = self.delimiter == "auto"
        return Dialect(
            delimiter=DELIMITERS[self.format] if auto else character_of(self.delimiter),
            quoting=self.quoting,
            escape="" if self.escape == "none" else self.escape,
            may_say_sep=auto,
        )
