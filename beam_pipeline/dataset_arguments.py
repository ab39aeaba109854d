"""What the commands on a finished dataset take alike: the dataset, a generation, --debug."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from beam_pipeline.console import exit_code_of
from beam_pipeline.logs import set_up_logging


def dataset_parser(
    module: str, description: str, *, generation: bool = False
) -> argparse.ArgumentParser:
    """Return a parser of `OUTPUT` and --debug.

    Args:
        generation: OUTPUT may be one of the dataset's manifests, and --generation choose one.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m beam_pipeline.{module}", description=description, allow_abbrev=False
    )
    manifests = ", or one of its manifests (OUTPUT/manifests/000003.json)" if generation else ""
    parser.add_argument("output", help=f"folder or URL of the dataset{manifests}")
    if generation:
        parser.add_argument(
            "--generation", type=int, metavar="N", help="this one; the newest by default"
        )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def run_command(
    command: Callable[[argparse.Namespace], int | None],
    parser: argparse.ArgumentParser,
    arguments: Sequence[str],
    *,
    interrupted: str,
) -> int:
    """Run a command with what `dataset_parser` makes of its arguments; see `exit_code_of`."""
    options = parser.parse_args(arguments)
    set_up_logging(options.debug)
    return exit_code_of(lambda: command(options), interrupted=interrupted, debug=options.debug)
