"""The record of a run: what it did apart from what the dataset holds, ready for JSON."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.totals import totals
from transforms.functional.safe_urls import mask_secrets

RECORD_VERSION = 1

Record = dict[str, Any]


@dataclass(kw_only=True)
class RunLog:
    """What is known of a run; it is filled in while the run lasts.

    Attributes:
        command: Its command line.
        output: Folder or URL of the dataset.
        started: When it started.
        engine: What it runs on; None before that is known.
        generation: The generation that it makes; None before its pipeline starts.
        result: What came out of the job; None before it has ended.
    """

    command: str
    output: str
    started: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    engine: str | None = None
    generation: int | None = None
    result: Any = None


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        exit_code: The exit code of its process.
        exit_reason: `done`, `nothing new`, `there already`, or the error.
        seconds: From its start to its end.
        stage_seconds: Seconds in each stage, summed over workers.
        n_kept: Shards of an earlier, unfinished run that were kept.
        n_mismatches: Sampled reviews for which fast tokenization was wrong.
    """

    exit_code: int
    exit_reason: str
    seconds: float
    stage_seconds: Mapping[str, float] | None = None
    n_kept: int = 0
    n_mismatches: int = 0


def record_of(
    run: RunLog,
    outcome: RunOutcome,
    *,
    dataset: Manifest | None,
    figures: Mapping[str, Any] | None = None,
    made: bool = False,
    earlier: Manifest | None = None,
) -> Record:
    """Return the record of a run.

    Args:
        dataset: The dataset in the output then, None where there is none.
        figures: What its workers counted, None where they did not get so far.
        made: True where the run made the newest generation.
        earlier: The generation that it added to, None for none.
    """
    masked = mask_secrets
    return {
        "record_version": RECORD_VERSION,
        "exit_code": outcome.exit_code,
        "exit_reason": masked(outcome.exit_reason),
        "started": _text(run.started),
        "ended": _text(
            datetime.fromtimestamp(run.started.timestamp() + outcome.seconds, run.started.tzinfo)
        ),
        "seconds": round(outcome.seconds, 3),
        "version": program_version(),
        "python": platform.python_version(),
        "command": masked(run.command),
        "engine": run.engine,
        "output": masked(run.output),
        "generation": dataset.generation if dataset else None,
        "run": {
            **(totals(dataset, earlier) if made and dataset else {}),
            "made_generation": made,
            "rejected_by_reason": dict((figures or {}).get("rejected", {})),
            "rejected_by_file": dict((figures or {}).get("rejected_in", {})),
            "seconds_by_stage": {
                stage: round(seconds, 3) for stage, seconds in (outcome.stage_seconds or {}).items()
            },
            "kept_shards": outcome.n_kept,
            "tokenizer_mismatches": outcome.n_mismatches,
            "broken_expectations": list((figures or {}).get("broken_expectations", [])),
        },
        "dataset": _dataset(dataset) if dataset else None,
    }


def program_version() -> str:
    """Return the installed version of this program."""
    try:
        return version("review-shards")
    except PackageNotFoundError:
        return "not installed"


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(timezone.utc)


def _text(when: datetime) -> str:
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def _dataset(manifest: Manifest) -> Record:
    return {
        "generations": len(manifest.generations),
        "content_sha256": manifest.content_sha256(),
        **totals(manifest),
    }
