"""`report.json`: what the workers counted, what the manifest says, and how the run went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.totals import totals
from transforms.functional.errors import InputError

REPORT_VERSION = 2
MAX_BARS = 60  # More shards are shown by so many of them, from the smallest to the largest.

STAGES = ("read", "tokenize", "rows", "write")  # In the order in which a part goes through.

# Of a generation's run: from its record.
_RUN = ("started", "ended", "seconds", "engine", "version", "command", "exit_reason")

# What that run added, where its record says it.
_ADDED = ("inputs", "input_bytes", "ledger", "subsets")

# By which a damaged `report.json` of a job is known.
_START = b'{\n "report_version": '

Document = dict[str, Any]


def read_document(path: str) -> Document:
    """Return what `report.json` holds, or the file in which workers counted for it.

    Raises:
        InputError: there is none, or it is damaged.
    """
    try:
        document = json.loads(storage.read_bytes(path))
    except FileNotFoundError:
        raise InputError(f"{path} is missing, from which report.html is drawn") from None
    except ValueError:
        document = None
    if not isinstance(document, dict) or "rejected" not in document:
        raise InputError(f"{path} is damaged: it holds no report")
    return document


def find_document(path: str) -> Document | None:
    """Return what a `report.json` holds, None without one or where it is damaged."""
    try:
        return read_document(path)
    except InputError:
        return None


def is_of(document: Document | None, manifest: Manifest) -> bool:
    """Return True where a report is that of a dataset as it stands."""
    dataset = document.get("dataset") if document else None
    return (
        isinstance(dataset, dict)
        and dataset.get("content_sha256") == manifest.content_sha256()
        and dataset.get("generation", manifest.generation) == manifest.generation
    )


def is_report(content: bytes) -> bool:
    """Return True for a `report.json` that a job wrote, or the first bytes of one."""
    try:
        document = json.loads(content)
    except ValueError:
        return content.startswith(_START) or _START.startswith(content)
    return isinstance(document, dict) and "report_version" in document


def complete(
    counted: Mapping[str, Any],
    manifest: Manifest,
    record: Mapping[str, Any] | None = None,
    trend: Sequence[Mapping[str, Any]] = (),
) -> Document:
    """Return a whole document.

    Args:
        counted: What the workers counted, or an earlier document.
        manifest: The dataset.
        record: The record of the run that made its newest generation; None where nobody knows.
        trend: A few figures of each of the last generations.
    """
    subsets, run = totals(manifest)["subsets"], record["run"] if record else {}
    for name, shards in manifest.subsets.items():
        subsets[name]["rows_per_shard"] = spread(shards.column("rows").to_numpy())
    return {
        "report_version": REPORT_VERSION,
        "dataset": _dataset(manifest),
        "ledger": manifest.ledger.to_json(),
        "subsets": subsets,
        "added": {name: run[name] for name in _ADDED} if "ledger" in run else None,
        "measured": counted["measured"],
        "rejected": counted["rejected"],
        "rejected_in": counted.get("rejected_in", {}),
        "broken_expectations": counted.get("broken_expectations", []),
        "trend": list(trend),
        "run": counted.get("run") if record is None else _run(record, counted["measured"]),
    }


def _dataset(manifest: Manifest) -> Document:
    names = manifest.label_numbers
    return {
        "generation": manifest.generation,
        "generations": len(manifest.generations),
        "task": manifest.task,
        "max_length": manifest.max_length,
        "padding": manifest.config.get("padding"),
        "overflow": manifest.config.get("overflow"),
        "strip_html": manifest.config.get("strip_html", False),
        "dedup": manifest.config.get("dedup", "none"),
        "inputs": len(manifest.inputs),
        "input_bytes": manifest.inputs.total("bytes"),
        "problem_type": manifest.problem_type,
        "label_names": None if names is None else {str(n): name for name, n in names.items()},
        "content_sha256": manifest.content_sha256(),
    }


def _run(record: Mapping[str, Any], measured: Document | None) -> Document:
    n_tokens = measured["tokens"] if measured else 0
    stages = sorted(
        record["run"]["seconds_by_stage"].items(), key=lambda item: STAGES.index(item[0])
    )
    return {
        **{name: record[name] for name in _RUN},
        "stage_seconds": dict(stages),
        "tokens_per_second": round(n_tokens / record["seconds"]) if record["seconds"] else 0,
    }


def spread(rows: npt.ArrayLike) -> list[int]:
    """Return numbers from the smallest to the largest, `MAX_BARS` of them at most."""
    ordered = np.sort(np.asarray(rows, np.int64))
    places = np.linspace(0, len(ordered) - 1, min(len(ordered), MAX_BARS)).round().astype(int)
    return [int(row) for row in ordered[places]]
