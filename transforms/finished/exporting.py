"""Writing an export: into a folder of its own, over nothing that is there, the index last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

from transforms import storage
from transforms.finished.views import SubsetRows
from transforms.functional.errors import OutputError
from transforms.functional.exports.columns import ExportRows
from transforms.functional.exports.formats import FORMATS, ExportFormat, ExportName

# What a killed process leaves of an unfinished write.
_TEMPORARY = r"\..+\.tmp"
_CURE = "choose another --to, or remove it"


def check_folder(folder: str, name: ExportName) -> None:
    """Check that nothing is in a folder that no export of this format has written.

    Raises:
        OutputError: there is something else.
    """
    chosen = FORMATS[name]
    known = f"{re.escape(chosen.index)}|{chosen.others}|{_TEMPORARY}"
    for file in storage.list_files(folder):
        if not re.fullmatch(known, file):
            raise OutputError(f"{storage.join(folder, file)} is there, no part of it: {_CURE}")


def export_rows(
    rows: SubsetRows, folder: str, name: ExportName, columns: Sequence[str] | None = None
) -> tuple[int, int]:
    """Write rows in another format, unless an export of the same rows is there, whole or in part.

    Args:
        columns: Names of columns; default: all.

    Returns:
        The number of files, and their bytes together.

    Raises:
        OutputError: another file is there, or one cannot be written.
        DatasetError: a shard is not what the manifest says.
    """
    # Nothing is added to an export that has its index: it is this one, or it stays as it is.
    is_whole = storage.exists(storage.join(folder, FORMATS[name].index))
    sizes = []
    for file, pieces in groupby(_files(rows, FORMATS[name], columns), itemgetter(0)):
        path, counted = storage.join(folder, file), _Counted(data for _, data in pieces)
        if not (_holds(path, counted) if is_whole else _write(path, counted)):
            what = "an export of other rows" if is_whole else f"{file} with other bytes"
            raise OutputError(f"{folder} holds {what}: {_CURE}")
        sizes.append(counted.bytes)
    return len(sizes), sum(sizes)


def _files(
    rows: SubsetRows, chosen: ExportFormat, columns: Sequence[str] | None
) -> Iterator[tuple[str, bytes]]:
    names = rows.column_names(columns)
    return chosen.files(
        ExportRows(
            tables=(table.select(names) for table in rows.tables()),
            schema=pa.schema([rows.schema.field(name) for name in names]),
            vocab_size=rows.dataset.manifest.tokenizer.vocab_size,
            version=rows.identity(names),
        )
    )


def _write(path: str, pieces: Iterable[bytes]) -> bool:
    """Write a file, and return False where another one is there."""
    return _holds(path, pieces) if storage.exists(path) else storage.create_from(path, pieces)


class _Counted:
    """Pieces of a file, which counts their bytes as they are taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = pieces
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.bytes += len(piece)
            yield piece


def _holds(path: str, pieces: Iterable[bytes]) -> bool:
    """Return True where a file is there that holds these bytes, and no more."""
    if not storage.exists(path):
        return False
    with storage.open_input(path) as file:
        # All pieces are taken: what follows them is another file.
        same = [file.read(len(piece)) == piece for piece in pieces]
        return all(same) and not file.read(1)
