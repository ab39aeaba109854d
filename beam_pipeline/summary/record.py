"""The record of a run: what it did apart from what the dataset holds, ready for JSON.

That of a run which made a generation lies beside the generation's manifest, and is never written
over.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.totals import totals
from transforms.functional.safe_urls import mask_secrets
from transforms.storage.generations import MANIFESTS, figures_path

RECORD_VERSION = 1

Record = dict[str, Any]


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(timezone.utc)


@dataclass(kw_only=True)
class RunLog:
    """What is known of a run; it is filled in while the run lasts.

    Attributes:
        command: Its command line.
        output: Folder or URL of the dataset.
        started: When it started.
        engine: What it runs on; None before that is known.
        generation: The generation that it makes; None before its pipeline starts.
        stage_seconds: Seconds in each stage, summed over workers.
        n_kept: Shards of an earlier, unfinished run that were kept.
        n_mismatches: Sampled reviews for which fast tokenization was wrong; their workers changed
            to the library's own.
        result: What came out of the job; None before it has ended.
    """

    command: str
    output: str
    started: datetime = field(default_factory=now)
    engine: str | None = None
    generation: int | None = None
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    n_kept: int = 0
    n_mismatches: int = 0
    result: Any = None


def record_of(
    run: RunLog,
    exit_reason: str,
    seconds: float,
    *,
    exit_code: int = 0,
    dataset: Manifest | None,
    figures: Mapping[str, Any] | None = None,
    made: bool = False,
    earlier: Manifest | None = None,
) -> Record:
    """Return the record of a run.

    Args:
        exit_reason: `done`, `nothing new`, `there already`, or the error.
        seconds: From its start to its end.
        dataset: The dataset in the output then, None where there is none.
        figures: What its workers counted, None where they did not get so far.
        made: True where the run made the newest generation.
        earlier: The generation that it added to, None for none.
    """
    return {
        "record_version": RECORD_VERSION,
        "exit_code": exit_code,
        "exit_reason": mask_secrets(exit_reason),
        "started": _text(run.started),
        "ended": _text(run.started + timedelta(seconds=seconds)),
        "seconds": round(seconds, 3),
        "version": program_version(),
        "python": platform.python_version(),
        "command": mask_secrets(run.command),
        "engine": run.engine,
        "output": mask_secrets(run.output),
        "generation": dataset.generation if dataset else None,
        "run": {
            **(totals(dataset, earlier) if made and dataset else {}),
            **_counted(run, figures or {}, made),
        },
        "dataset": _dataset(dataset) if dataset else None,
    }


def _counted(run: RunLog, figures: Mapping[str, Any], made: bool) -> Record:
    return {
        "made_generation": made,
        "rejected_by_reason": dict(figures.get("rejected", {})),
        "rejected_by_file": dict(figures.get("rejected_in", {})),
        "seconds_by_stage": {name: round(n, 3) for name, n in run.stage_seconds.items()},
        "kept_shards": run.n_kept,
        "tokenizer_mismatches": run.n_mismatches,
        "broken_expectations": list(figures.get("broken_expectations", [])),
    }


def _dataset(manifest: Manifest) -> Record:
    return {
        "generations": len(manifest.generations),
        "content_sha256": manifest.content_sha256(),
        **totals(manifest),
    }


def program_version() -> str:
    """Return the installed version of this program."""
    try:
        return version("review-shards")
    except PackageNotFoundError:
        return "not installed"


def _text(when: datetime) -> str:
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def record_path(number: int) -> str:
    """Return the path, below the output, of the record of a generation's run."""
    return f"{MANIFESTS}/{number:06d}-summary.json"


def keep_record(output: str, number: int, record: Mapping[str, Any]) -> None:
    """Create the record of a generation's run, unless there is one."""
    storage.create(storage.join(output, record_path(number)), record_text(record).encode())


def record_made(
    log: RunLog, exit_reason: str, seconds: float, manifest: Manifest, earlier: Manifest | None
) -> Record:
    """Create and return the record of the run that made the newest generation.

    Args:
        earlier: The generation that the run added to, None for none.
    """
    figures = find_figures(log.output, manifest.generation)
    record = record_of(
        log, exit_reason, seconds, dataset=manifest, figures=figures, made=True, earlier=earlier
    )
    keep_record(log.output, manifest.generation, record)
    return record


def find_figures(output: str, generation: int) -> dict[str, Any] | None:
    """Return what the workers of a generation counted; None where nobody knows."""
    return _find(storage.join(output, figures_path(generation)), "rejected")


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
