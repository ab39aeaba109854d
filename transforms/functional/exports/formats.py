"""The formats of an export by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.errors import UsageError
from transforms.functional.exports.columns import ExportRows, Files
from transforms.functional.exports.jsonl import jsonl_files
from transforms.functional.exports.litdata import litdata_files
from transforms.functional.exports.mds import mds_files
from transforms.functional.exports.megatron import megatron_files

ExportName = Literal["mds", "litdata", "megatron", "jsonl"]


@dataclass(frozen=True)
class ExportFormat:
    """One of the formats.

    Attributes:
        files: Gives the files of some rows.
        index: Name of the file that is written last.
        others: Pattern of the names of the other files.
        tokens_only: True where it holds the ids of real tokens, and no other column.
    """

    files: Callable[[ExportRows], Files]
    index: str
    others: str
    tokens_only: bool = False


FORMATS: dict[ExportName, ExportFormat] = {
    "mds": ExportFormat(mds_files, "index.json", r"shard\.\d{5,}\.mds"),
    "litdata": ExportFormat(litdata_files, "index.json", r"chunk-0-\d+\.bin"),
    "megatron": ExportFormat(megatron_files, "tokens.idx", r"tokens\.bin", tokens_only=True),
    "jsonl": ExportFormat(jsonl_files, "_index.json", r"\d{5,}\.jsonl"),
}


def check_format(name: ExportName, manifest: Manifest, *, all_columns: bool) -> None:
    """Check that a format can hold what a dataset is made for.

    Args:
        all_columns: True where no columns are chosen.

    Raises:
        UsageError: it would lose labels, or cannot hold the columns that were chosen.
    """
    if not FORMATS[name].tokens_only:
        return
    rest = ", ".join(other for other, each in FORMATS.items() if not each.tokens_only)
    if manifest.task == "classification" or manifest.config.get("masking") == "static":
        raise UsageError(f"{name} holds token ids only, and would lose the labels: choose {rest}")
    if not all_columns:
        raise UsageError(f"{name} holds token ids only: leave --columns out, or choose {rest}")
