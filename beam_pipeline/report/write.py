"""Completing `report.json` and drawing `report.html`, when the job has ended."""

from __future__ import annotations

from beam_pipeline.output.output_folder import REPORT_NAME, REPORT_PAGE_NAME
from beam_pipeline.report.document import (
    Document,
    Run,
    complete,
    find_document,
    is_of,
    read_document,
    write_document,
)
from transforms import storage
from transforms.storage.generations import figures_path, read_manifest

HOW_TO_DRAW = "pip install 'review-shards[report]' brings report.html"


def write_report(output: str, run: Run | None = None) -> str:
    """Write both files, and return where the report is, in words.

    Without matplotlib and Jinja2 `report.json` alone is written.

    Args:
        output: Folder or URL of the dataset.
        run: How the job ran; None leaves what `report.json` says of it.

    Raises:
        InputError: there is no manifest, or what the workers counted is damaged.
    """
    path, manifest = storage.join(output, REPORT_NAME), read_manifest(output)
    document = None if run else find_document(path)
    if document is None or not is_of(document, manifest):
        document = _counted(storage.join(output, figures_path(manifest.generation)))
    document = complete(document, manifest, run)
    write_document(path, document)
    try:
        from beam_pipeline.report.page import render

        page = render(document, storage.mask_secrets(output))
    except ImportError:
        return f"{path} ({HOW_TO_DRAW})"
    path = storage.join(output, REPORT_PAGE_NAME)
    storage.write_atomic(path, page.encode())
    return path


def _counted(path: str) -> Document:
    """Return what the workers counted; nothing where an older release has written it elsewhere."""
    return read_document(path) if storage.exists(path) else {"measured": None, "rejected": {}}
