"""`python -m beam_pipeline`: raw reviews in, shards of tensors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from beam_pipeline.console import exit_code_of, run_program, say
from beam_pipeline.engines.overrides.start_up import (
    keep_memory,
    limit_library_threads,
    quick_imports,
)
from beam_pipeline.logs import set_up_logging
from beam_pipeline.options.command_line import parse_options

if TYPE_CHECKING:
    from beam_pipeline.options.config import JobConfig


def main(arguments: Sequence[str]) -> int:
    """Run the job that the arguments describe, and return its exit code."""
    debug = "--debug" in arguments
    set_up_logging(debug)
    return exit_code_of(
        lambda: _run(*parse_options(arguments)),
        interrupted="the same command goes on from here, and keeps the shards that are finished",
        debug=debug,
    )


def _run(config: JobConfig, beam_arguments: Sequence[str]) -> int:
    """Run the job, or estimate it, and print what came out."""
    # Imported after the options are known to be right: `--help` and typing mistakes are quick.
    keep_memory()
    limit_library_threads()
    with quick_imports():
        from beam_pipeline.job import run_job
        from beam_pipeline.options.config_file import config_text
        from beam_pipeline.report.summary import summary

    options = config_text(config, beam_arguments, one_line=True)
    if not config.quiet:
        say(f"Config (all other options have their defaults): {options}")
    if config.dry_run:
        from beam_pipeline.dry_run.dry_run import dry_run

        say(dry_run(config))
        return 0
    result = run_job(config, beam_arguments)
    if not config.quiet:
        say(summary(config, result) if result else "Written, not run: the engine makes the dataset")
    return 0


if __name__ == "__main__":
    run_program(main)
