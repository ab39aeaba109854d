"""Beam's own options: which there are, and none of them misspelt."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from transforms.functional.errors import UsageError
from transforms.functional.safe_urls import MASK

# `--s3_secret_access_key` and the like: what no file and no terminal should show.
_SECRET = re.compile(r"secret|token|password|access_key|connection_string")


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(f"{message} (see --help)")


def check_beam_options(arguments: Sequence[str], our_names: Iterable[str]) -> None:
    """Raise `UsageError` for arguments that Beam does not know; Beam itself ignores them.

    An engine's job server has options of its own: it is asked where one is unknown here.

    Args:
        arguments: What is left of the command line without our options.
        our_names: Our options, which a misspelt one may have meant.
    """
    parser = _beam_parser()
    found, unknown = parser.parse_known_args(list(arguments))
    if unknown and found.job_endpoint:
        for name in names_of_job_server(found.job_endpoint) - {*vars(found)}:
            parser.add_argument(f"--{name}", nargs="?", action="append")
        _, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        wrong = unknown[0]
        hint = nearest(wrong.split("=")[0], [*names_of(parser), *our_names])
        raise UsageError(f"unknown argument {wrong!r}: {hint or 'see --help'}")


def beam_names() -> list[str]:
    """Return the names of Beam's options, without the dashes."""
    return [name.lstrip("-") for name in names_of(_beam_parser())]


def names_of_job_server(endpoint: str) -> frozenset[str]:
    """Return the names of the options that an engine's job server knows, without the dashes."""
    # Imported here: most command lines need no gRPC.
    from beam_pipeline.engines.remote_engines import described_options

    return frozenset() if endpoint == "embed" else described_options(endpoint)


def nearest(wrong: str, names: Iterable[str]) -> str | None:
    """Return a question about the name that somebody may have meant, None where none is near."""
    near = difflib.get_close_matches(wrong, list(names), n=1)
    return f"did you mean {near[0]}?" if near else None


def names_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the options of a parser, with their dashes."""
    return [name for action in parser._actions for name in action.option_strings]


def to_mapping(arguments: Sequence[str]) -> dict[str, Any]:
    """Return Beam's options by name, as a configuration file has them; secrets are masked."""
    options: dict[str, Any] = {}
    for place, argument in enumerate(arguments):
        if not argument.startswith("--"):
            continue
        name, equals, value = argument[2:].partition("=")
        following = arguments[place + 1 : place + 2]
        if not equals and following and not following[0].startswith("--"):
            equals, value = "=", following[0]
        given = (MASK if _SECRET.search(name) else value) if equals else True
        before = options.get(name)
        repeated = [*before, given] if isinstance(before, list) else [before, given]
        options[name] = given if before is None else repeated
    return options


def to_arguments(options: Mapping[str, Any]) -> list[str]:
    """Return options by name as arguments: a list is given item by item, `false` not at all."""
    arguments = []
    for name, value in options.items():
        for item in value if isinstance(value, list) else [value]:
            if item is True:
                arguments.append(f"--{name}")
            elif item is not False and item is not None:
                arguments.append(f"--{name}={item}")
    return arguments


def _beam_parser() -> OneLineParser:
    # Imported here: it takes a second, and most command lines need none of it.
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = OneLineParser(add_help=False, allow_abbrev=False, conflict_handler="resolve")
    for options in _all_subclasses(PipelineOptions):
        if "_add_argparse_args" in vars(options):
            options._add_argparse_args(parser)
    return parser


def _all_subclasses(cls: type) -> list[Any]:
    found: list[Any] = []
    children: list[Any] = cls.__subclasses__()
    for child in children:
        found += [child, *_all_subclasses(child)]
    return found
