"""The record of each generation's run: beside its manifest, and never written over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from beam_pipeline.summary.record import Record, RunLog, RunOutcome, record_of
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.storage.generations import MANIFESTS, figures_path, texts_path


def record_path(number: int) -> str:
    """Return the path, below the output, of the record of a generation's run."""
    return f"{MANIFESTS}/{number:06d}-summary.json"


def keep_record(output: str, number: int, record: Mapping[str, Any]) -> None:
    """Create the record of a generation's run, unless there is one."""
    storage.create(storage.join(output, record_path(number)), record_text(record).encode())


def record_made(
    log: RunLog, outcome: RunOutcome, manifest: Manifest, earlier: Manifest | None
) -> Record:
    """Create and return the record of the run that made the newest generation.

    Args:
        earlier: The generation that the run added to, None for none.
    """
    record = record_of(
        log,
        outcome,
        dataset=manifest,
        figures=find_figures(log.output, manifest.generation),
        made=True,
        earlier=earlier,
    )
    keep_record(log.output, manifest.generation, record)
    return record


def find_figures(output: str, generation: int) -> dict[str, Any] | None:
    """Return what the workers of a generation counted; None where nobody knows."""
    return _find(storage.join(output, figures_path(generation)), "rejected")


def copy_figures(output: str, number: int, to: int) -> None:
    """Give a generation what the workers of another one counted, whose rows it holds."""
    for path_of in (figures_path, texts_path):
        path = storage.join(output, path_of(number))
        if storage.exists(path):
            storage.create(storage.join(output, path_of(to)), storage.read_bytes(path))


def find_record(output: str, number: int) -> dict[str, Any] | None:
    """Return the record of a generation's run; None without one, or where it is damaged."""
    return _find(storage.join(output, record_path(number)), "ended")


def _find(path: str, field: str) -> dict[str, Any] | None:
    """Return the JSON object in a file; None without one that has a field."""
    try:
        document = json.loads(storage.read_bytes(path))
    except (FileNotFoundError, ValueError):
        return None
    return document if isinstance(document, dict) and field in document else None


def when_made(record: Mapping[str, Any] | None) -> datetime | None:
    """Return when a generation's run ended; None where nobody knows."""
    if record is None:
        return None
    try:
        return datetime.fromisoformat(str(record["ended"]).replace("Z", "+00:00"))
    except ValueError:
        return None


def record_text(record: Mapping[str, Any]) -> str:
    """Return a record as JSON text."""
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"
