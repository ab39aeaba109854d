"""What follows the commit: leavings go, and card, config and report say what the dataset is.

A run that dies before its end leaves a dataset that is whole, and the next run does the rest.
"""

from __future__ import annotations

import logging

from beam_pipeline.output.dataset_card import write_card
from beam_pipeline.output.output_folder import CONFIG_NAME, REPORT_NAME, remove_unnamed
from beam_pipeline.report.document import find_document, is_of
from beam_pipeline.report.write import write_report
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.storage.generations import read_manifest
from transforms.storage.lease import is_left_behind

_CONFIG_MARK = "# The options of the job that made this dataset; --config takes them.\n"

_logger = logging.getLogger(__name__)


def is_complete(output: str, manifest: Manifest) -> bool:
    """Return True where all is done that follows a dataset's commit.

    The report is the last file, and the lease goes after it.
    """
    is_named = read_manifest(output).generation == manifest.generation
    has_report = is_of(find_document(storage.join(output, REPORT_NAME)), manifest)
    return is_named and has_report and not is_left_behind(output)


def complete(output: str, manifest: Manifest, config: str) -> str:
    """Do what follows the commit, and return where the report is, in words.

    Args:
        output: Folder or URL of the dataset.
        manifest: The dataset.
        config: The job's options, as YAML.
    """
    remove_unnamed(output, manifest)
    write_card(output, manifest)
    _write_config(storage.join(output, CONFIG_NAME), config)
    return write_report(output)


def _write_config(path: str, text: str) -> None:
    """Write the options of the job, unless somebody's own file is there."""
    try:
        is_ours = storage.read_bytes(path).startswith(_CONFIG_MARK.encode())
    except FileNotFoundError:
        is_ours = True
    if is_ours:
        storage.write_atomic(path, f"{_CONFIG_MARK}{text}".encode())
    else:
        _logger.warning(
            "%s was not written by a job and stays as it is", storage.mask_secrets(path)
        )
