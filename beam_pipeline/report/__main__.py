"""`python -m beam_pipeline.report OUTPUT`: draw report.html from report.json and the manifest."""

from __future__ import annotations

from collections.abc import Sequence

from beam_pipeline.console import dataset_parser, run_command, run_program, say
from beam_pipeline.report.write import write_report


def main(arguments: Sequence[str]) -> int:
    """Draw the report of a dataset, and return an exit code."""
    return run_command(
        lambda options: say(write_report(options.output)),
        dataset_parser("report", __doc__),
        arguments,
        interrupted="the same command starts over",
    )


if __name__ == "__main__":
    run_program(main)
