"""Running a pipeline: which engine, and what its failures mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from transforms.functional import errors
from transforms.functional.errors import ReviewShardsError, UsageError

if TYPE_CHECKING:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

# Beam's DirectRunner first tries to download the Prism engine; this is the one it falls back to.
LOCAL_RUNNER = "FnApiRunner"
_LOCAL_NAMES = {None, "DirectRunner", "SwitchingDirectRunner", "direct", LOCAL_RUNNER}

# The last line of a worker's traceback names the class; remote runners send only that text.
_ERROR_LINE = re.compile(r"^(?:[\w.]+\.)?(\w+Error): (.*?)(?: \[while running .*)?$", re.MULTILINE)


def engine_options(arguments: Sequence[str]) -> PipelineOptions:
    """Return Beam's options for a run, with the local engine named explicitly.

    Raises:
        UsageError: the runner is known to give wrong results.
    """
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    options = PipelineOptions(list(arguments))
    standard = options.view_as(StandardOptions)
    if standard.runner in _LOCAL_NAMES:
        standard.runner = LOCAL_RUNNER
    if "dask" in standard.runner.lower():
        raise UsageError(
            f"--runner {standard.runner} ignores output tags and gives wrong results: "
            f"use DirectRunner, FlinkRunner, SparkRunner or DataflowRunner"
        )
    return options


def run(pipeline: beam.Pipeline) -> None:
    """Run a pipeline to its end.

    Raises:
        ReviewShardsError: the job failed; one of ours where the worker's error was one.
    """
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:
        raise error_of(error) from error


def error_of(error: BaseException) -> ReviewShardsError:
    """Return the project's error behind what a runner raised.

    Local workers raise the error itself, wrapped or with a suffix; others send its traceback as
    text. What is none of ours becomes a `ReviewShardsError` with the last line of the text.
    """
    text = str(error)
    found = [
        (getattr(errors, name), message)
        for name, message in _ERROR_LINE.findall(f"{type(error).__name__}: {text}")
        if isinstance(getattr(errors, name, None), type)
    ]
    if found:
        kind, message = found[-1]
        ours: ReviewShardsError = kind(message)
        return ours
    lines = [line for line in text.splitlines() if line.strip()] or [""]
    return ReviewShardsError(
        f"the job failed: {type(error).__name__}: {lines[-1].strip()} (--debug shows all of it)"
    )
