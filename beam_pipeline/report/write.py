"""Completing `report.json` and drawing `report.html`, when the job has ended."""

from __future__ import annotations

from beam_pipeline.output.output_folder import REPORT_NAME, REPORT_PAGE_NAME
from beam_pipeline.report.document import Run, complete, read_document, write_document
from transforms import storage
from transforms.storage.generations import read_manifest

HOW_TO_DRAW = "pip install 'review-shards[report]' brings report.html"


def write_report(output: str, run: Run | None = None) -> str:
    """Write both files, and return where the report is, in words.

    Without matplotlib and Jinja2 `report.json` alone is written.

    Args:
        output: Folder or URL of the dataset.
        run: How the job ran; None leaves what `report.json` says of it.

    Raises:
        InputError: there is no manifest, or no `report.json` of its workers.
    """
    path = storage.join(output, REPORT_NAME)
    document = complete(read_document(path), read_manifest(output), run)
    write_document(path, document)
    try:
        from beam_pipeline.report.page import render

        page = render(document, storage.mask_secrets(output))
    except ImportError:
        return f"{path} ({HOW_TO_DRAW})"
    path = storage.join(output, REPORT_PAGE_NAME)
    storage.write_atomic(path, page.encode())
    return path
