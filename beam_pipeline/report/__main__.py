"""`python -m beam_pipeline.report OUTPUT`: draw report.html from report.json and the manifest."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from beam_pipeline.console import exit_code_of, run_program, say
from beam_pipeline.report.write import write_report


def main(arguments: Sequence[str]) -> int:
    """Draw the report of a dataset, and return an exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m beam_pipeline.report", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("output", help="folder or URL of the dataset")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: _draw(options.output), interrupted="the same command starts anew")


def _draw(output: str) -> int:
    say(write_report(output))
    return 0


if __name__ == "__main__":
    run_program(main)
