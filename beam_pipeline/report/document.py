"""`report.json`: what the workers counted, what the manifest says, and how long it took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.errors import InputError

REPORT_VERSION = 1
MAX_BARS = 60  # More shards are shown by so many of them, from the smallest to the largest.

STAGES = ("read", "tokenize", "rows", "write")  # In the order in which a part goes through.

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Run:
    """How a job ran.

    Attributes:
        seconds: From its start to its end.
        engine: What it ran on.
        stage_seconds: Seconds in each stage, summed over workers.
    """

    seconds: float
    engine: str
    stage_seconds: Mapping[str, float]


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


def write_document(path: str, document: Document) -> None:
    """Write `report.json`."""
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    storage.write_atomic(path, text.encode())


def complete(document: Document, manifest: Manifest, run: Run | None = None) -> Document:
    """Return a document with what the manifest says in it, and how the job ran.

    Args:
        document: What the workers counted; or a whole document, whose `run` stays without another.
        manifest: The dataset.
        run: How the job ran.
    """
    measured = document["measured"]
    return {
        "report_version": REPORT_VERSION,
        "dataset": _dataset(manifest),
        "ledger": manifest.ledger.to_json(),
        "subsets": {
            name: {
                "rows": manifest.rows(name),
                "tokens": manifest.tokens(name),
                "bytes": shards.total("bytes"),
                "shards": len(shards),
                "rows_per_shard": spread(shards.column("rows").to_numpy()),
            }
            for name, shards in manifest.subsets.items()
        },
        "measured": measured,
        "rejected": document["rejected"],
        "run": document.get("run") if run is None else _run(run, measured),
    }


def _dataset(manifest: Manifest) -> Document:
    names = manifest.label_numbers
    return {
        "generation": manifest.generation,
        "task": manifest.task,
        "max_length": manifest.max_length,
        "padding": manifest.config.get("padding"),
        "overflow": manifest.config.get("overflow"),
        "inputs": len(manifest.inputs),
        "input_bytes": manifest.inputs.total("bytes"),
        "label_names": None if names is None else {str(n): name for name, n in names.items()},
        "content_sha256": manifest.content_sha256(),
    }


def _run(run: Run, measured: Document | None) -> Document:
    n_tokens = measured["tokens"] if measured else 0
    stages = sorted(run.stage_seconds.items(), key=lambda item: STAGES.index(item[0]))
    return {
        "seconds": round(run.seconds, 3),
        "engine": run.engine,
        "stage_seconds": {stage: round(seconds, 3) for stage, seconds in stages},
        "tokens_per_second": round(n_tokens / run.seconds),
    }


def spread(rows: npt.ArrayLike) -> list[int]:
    """Return numbers from the smallest to the largest, `MAX_BARS` of them at most."""
    ordered = np.sort(np.asarray(rows, np.int64))
    places = np.linspace(0, len(ordered) - 1, min(len(ordered), MAX_BARS)).round().astype(int)
    return [int(row) for row in ordered[places]]
