"""What follows the commit: unnamed files are removed; card, config and report are written.

A run that dies before its end leaves a dataset that is whole, and the next run does the rest.
"""

from __future__ import annotations

from beam_pipeline.output.output_folder import (
    CONFIG_NAME,
    REPORT_NAME,
    is_foreign,
    remove_unnamed,
    write_card,
    write_own,
)
from beam_pipeline.report.document import find_document, is_of, is_report
from beam_pipeline.report.write import write_report
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.storage.generations import notes_path, read_manifest
from transforms.storage.lease import is_left_behind

_CONFIG_MARK = b"# The options of the job that made this dataset; --config takes them.\n"


def is_complete(output: str, manifest: Manifest) -> bool:
    """Return True where all is done that follows a dataset's commit.

    The report is the last file, and the lease goes after it.
    """
    is_named = read_manifest(output).generation == manifest.generation
    report = storage.join(output, REPORT_NAME)
    has_report = is_of(find_document(report), manifest) or is_foreign(report, is_report)
    return is_named and has_report and not is_left_behind(output)


def complete(output: str, manifest: Manifest, config: str) -> str:
    """Do what follows the commit, and return where the report is, in words.

    Args:
        config: The job's options, as YAML.
    """
    # One by one they would take long.
    storage.remove(storage.join(output, notes_path(manifest.generation)))
    remove_unnamed(output, manifest)
    write_card(output, manifest)
    write_own(
        storage.join(output, CONFIG_NAME),
        _CONFIG_MARK + config.encode(),
        lambda there: there.startswith(_CONFIG_MARK),
    )
    return write_report(output)
