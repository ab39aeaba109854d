"""`python -m beam_pipeline`: raw reviews in, shards of tensors out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from beam_pipeline.console import command_line, exit_code_of, run_program, say
from beam_pipeline.engines.overrides.start_up import (
    keep_memory,
    limit_library_threads,
    quick_imports,
)
from beam_pipeline.logs import set_up_logging
from beam_pipeline.options.command_line import parse_options


def main(arguments: Sequence[str]) -> int:
    """Run the job that the arguments describe, and return its exit code."""
    debug = "--debug" in arguments
    set_up_logging(debug, "json" if _asks_for_json(arguments) else "text")
    # Before the options are read: to know Beam's own, Beam is imported, and Arrow with it.
    keep_memory()
    limit_library_threads()
    return exit_code_of(
        lambda: _run(arguments, command_line("beam_pipeline", arguments)),
        interrupted="the same command goes on from here, and keeps the shards that are finished",
        debug=debug,
    )


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Look for `--log_format json`: what is wrong with the options is logged so, too."""
    return "--log_format=json" in arguments or ("--log_format", "json") in pairwise(arguments)


def _run(arguments: Sequence[str], command: str) -> int:
    """Run the job, or estimate it, and print what came out."""
    with quick_imports():
        config, beam_arguments = parse_options(arguments)
        # Imported after the options are known to be right: `--help` and typing mistakes are quick.
        from beam_pipeline.job import run_job
        from beam_pipeline.options.config_file import config_text
        from beam_pipeline.summary.emitting import telling
        from beam_pipeline.summary.text import summary

    set_up_logging(config.debug, config.log_format)
    for_people = not config.quiet and config.summary != "json"
    if for_people:
        options = config_text(config, beam_arguments, one_line=True)
        say(f"Config (all other options have their defaults): {options}")
    if config.dry_run:
        from beam_pipeline.dry_run.dry_run import dry_run

        say(dry_run(config))
        return 0
    with telling(config, command) as log:
        log.result = result = run_job(config, beam_arguments, log)
    if for_people:
        say(summary(config, result) if result else "Written, not run: the engine makes the dataset")
    return 0


if __name__ == "__main__":
    run_program(main)
