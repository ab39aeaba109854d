"""Completing `report.json` and drawing `report.html`, when the job has ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from beam_pipeline.output.output_folder import REPORT_NAME, REPORT_PAGE_NAME, write_own
from beam_pipeline.report.document import (
    Document,
    complete,
    find_document,
    is_of,
    is_report,
    read_document,
)
from beam_pipeline.summary.record import find_record
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.storage.generations import figures_path, read_manifest

HOW_TO_DRAW = "pip install 'review-shards[report]' brings report.html"
GENERATIONS_SHOWN = 30
_PAGE_START = b"<!doctype html>\n"


def load_page() -> None:
    """Load what draws `report.html`; in a thread, while the job works, its end need not wait."""
    with suppress(ImportError):  # `write_report` says it.
        from beam_pipeline.report.page import page_template

        page_template()


def write_report(output: str) -> str:
    """Write both files, and return where the report is, in words.

    Without Jinja2 `report.json` alone is written.

    Args:
        output: Folder or URL of the dataset.

    Raises:
        InputError: there is no manifest, or what the workers counted is damaged.
    """
    path, manifest = storage.join(output, REPORT_NAME), read_manifest(output)
    record = find_record(output, manifest.generation)
    document = complete(_counted(output, manifest), manifest, record, _trend(output, manifest))
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    is_written = write_own(path, text.encode(), is_report)
    try:
        from beam_pipeline.report.page import render

        page = render(document, storage.mask_secrets(output))
    except ImportError:
        return f"{path if is_written else 'not written'} ({HOW_TO_DRAW})"
    drawn = storage.join(output, REPORT_PAGE_NAME)
    if write_own(drawn, page.encode(), _is_page):
        return drawn
    return path if is_written else "not written"


def _is_page(content: bytes) -> bool:
    """Return True for a `report.html` that a job drew, or the first bytes of one."""
    return _PAGE_START.startswith(content) or (
        content.startswith(_PAGE_START) and b": report</title>" in content
    )


def _counted(output: str, manifest: Manifest) -> Document:
    """Return what the workers counted; where an older release wrote it, or nothing."""
    path = storage.join(output, figures_path(manifest.generation))
    if storage.exists(path):
        return read_document(path)
    document = find_document(storage.join(output, REPORT_NAME))
    if document is not None and is_of(document, manifest):
        return document
    return {"measured": None, "rejected": {}}


def _trend(output: str, manifest: Manifest) -> list[Mapping[str, Any]]:
    """Return some figures of each of the last generations that left any."""
    points = (
        _trend_point(
            generation.number,
            find_document(storage.join(output, figures_path(generation.number))),
            find_record(output, generation.number),
        )
        for generation in manifest.generations[-GENERATIONS_SHOWN:]
    )
    return [point for point in points if point]


def _trend_point(
    generation: int, figures: Mapping[str, Any] | None, record: Mapping[str, Any] | None
) -> Document | None:
    """Return a few figures of what one generation added, None where nothing was counted.

    Args:
        generation: Its number.
        figures: What its workers counted.
        record: The record of its run.
    """
    measured = (figures or {}).get("measured")
    if figures is None or not measured or not measured["reviews"] or "reviews" not in figures:
        return None
    n, counts = measured["reviews"], figures["reviews"]
    repeated = measured["duplicates"]
    labels = measured["labels"] or []
    return {
        "generation": generation,
        "ended": record["ended"] if record else None,
        "reviews": n,
        "mean_tokens": measured["tokens"] / n + measured["lengths"]["special"],
        "rejected_share": counts["rejected"] / counts["read"] if counts["read"] else 0.0,
        "unknown_share": measured["unknown"]["tokens"] / max(measured["tokens"], 1),
        "repeated_share": (
            None if repeated is None else (repeated + (measured["repeated"] or 0)) / n
        ),
        "label_shares": {str(label): count / n for label, count in labels},
    }
