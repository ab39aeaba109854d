"""Telling machines how a run went: JSON on stdout or in a file, and a file of metrics."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from beam_pipeline.console import write
from beam_pipeline.engines import interrupts
from beam_pipeline.job import JobResult
from beam_pipeline.options.config import JobConfig
from beam_pipeline.summary.metrics import metrics_text
from beam_pipeline.summary.record import Record, RunLog, find_figures, record_of, record_text
from transforms import storage
from transforms.functional.cleanup import clean_up_after
from transforms.functional.errors import ReviewShardsError, UsageError
from transforms.storage.generations import find_manifest

if TYPE_CHECKING:
    from beam_pipeline.summary.lineage import Lineage

_logger = logging.getLogger(__name__)


@contextmanager
def telling(config: JobConfig, command: str) -> Iterator[RunLog]:
    """Tell how the run in this block went, also when it fails."""
    log = RunLog(command=command, output=config.output)
    started = time.monotonic()
    lineage = _start_lineage(config) if config.lineage else None
    try:
        yield log
    except BaseException as error:
        record = _failed(log, error, time.monotonic() - started)
        clean_up_after(error, partial(_tell, config, record, lineage))
        raise
    try:
        _tell(config, _ended(config, log, time.monotonic() - started), lineage)
    except ReviewShardsError as error:
        _logger.error("the run ended, but %s", error)


def _start_lineage(config: JobConfig) -> Lineage:
    try:
        from beam_pipeline.summary.lineage import Lineage  # An extra brings what it needs.
    except ModuleNotFoundError as error:
        raise UsageError(
            "--lineage needs the extra lineage: pip install 'review-shards[lineage]'"
        ) from error
    return Lineage.start(config)


def _tell(config: JobConfig, record: Record, lineage: Lineage | None) -> None:
    """Tell whom the options ask for; the run's own result decides its exit code.

    Raises:
        ReviewShardsError: what is told cannot be written.
    """
    if lineage is not None:
        lineage.end(record)
    if config.summary == "json":
        write(record_text(record).rstrip(), sys.stdout)
    elif config.summary != "text":
        storage.write_atomic(config.summary, record_text(record).encode())
    if config.metrics_file:
        storage.write_atomic(config.metrics_file, metrics_text(record).encode())


def _ended(config: JobConfig, log: RunLog, seconds: float) -> Record:
    """Return the record of a run that did not fail."""
    result: JobResult | None = log.result
    if result is not None and result.record is not None:
        return result.record
    if result is None:
        reason = "written, not run"
    else:
        reason = "nothing new" if config.append else "there already"
    return record_of(log, reason, seconds, dataset=result.manifest if result else None)


def _failed(log: RunLog, error: BaseException, seconds: float) -> Record:
    """Return the record of a run that failed, with what its workers had counted."""
    code = ReviewShardsError.exit_code
    if isinstance(error, ReviewShardsError):
        code, reason = error.exit_code, str(error)
    elif isinstance(error, KeyboardInterrupt):
        code, reason = interrupts.EXIT_CODE, "interrupted"
    else:
        reason = f"unexpected {type(error).__name__}: {error}"
    figures = dataset = None
    # The run's own error is what matters, and it may be that the output cannot be read.
    with suppress(ReviewShardsError):
        dataset = find_manifest(log.output)
        if log.generation is not None:
            figures = find_figures(log.output, log.generation)
    return record_of(log, reason, seconds, exit_code=code, dataset=dataset, figures=figures)
