"""Parquet files beside a manifest, for entries that are too many for its JSON text.

A manifest holds its newest entries itself, for people to read. When they are more than
`MAX_INLINE`, the run that writes it moves them to a file of their own, which never changes again
and which later generations name, too. So a night's few shards cost a few lines of JSON, whatever
the size of the dataset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from transforms.functional.errors import InputError
from transforms.functional.records import Records
from transforms.functional.safe_paths import check_inside

MAX_INLINE = 10_000  # Some 4 MB of JSON.


@dataclass(frozen=True, kw_only=True)
class ListFile:
    """A Parquet file of manifest entries of one kind.

    Attributes:
        path: Path below the output.
        sha256: Hash of the file.
        rows: Number of entries.
    """

    path: str
    sha256: str
    rows: int


def read_lists(
    kind: type, files: Sequence[ListFile], read: Callable[[str], bytes], where: str
) -> Records[Any]:
    """Return the entries in list files, in order.

    Args:
        read: Gives the bytes of a file below the dataset.
        where: The manifest that names them, for messages.

    Raises:
        InputError: a file is missing, or is not the one that the manifest names.
    """
    check_inside([file.path for file in files], where)
    records: Records[Any] = Records.of(kind)
    for file in files:
        try:
            data = read(file.path)
        except FileNotFoundError:
            raise InputError(f"{file.path} is missing, which {where} names") from None
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise InputError(f"{file.path} is damaged: it is not the file that {where} names")
        records = records + Records.from_parquet(kind, data)
    return records
