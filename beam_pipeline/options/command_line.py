"""The command line: our options, and Beam's, with no room for a misspelt one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, get_args, get_type_hints

from beam_pipeline.options.beam_options import (
    OneLineParser,
    check_beam_options,
    names_of,
    to_arguments,
)
from beam_pipeline.options.config import JobConfig
from beam_pipeline.options.option import option_of, words_of_flag

_USAGE = (
    "python -m beam_pipeline --input PATH_OR_GLOB [--input ...] --output DIR "
    "--tokenizer DIR_OR_JSON_OR_HUB_NAME --task mlm|classification [options] [Beam options]"
)
_EPILOG = (
    "Every option of Apache Beam goes too, as --runner, --direct_num_workers, --job_endpoint. "
    "--no_NAME takes back what a --config file switched on. "
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 too many rejected records, "
    "4 new reviews break --expect, 130 interrupted."
)


def parse_options(arguments: Sequence[str]) -> tuple[JobConfig, list[str]]:
    """Return the job's configuration, and the arguments that are Beam's.

    Raises:
        UsageError: an argument is neither ours nor Beam's, or a value is wrong.
    """
    parser = make_parser()
    namespace, rest = parser.parse_known_args(list(arguments))
    given: dict[str, Any] = vars(namespace)
    path = given.pop("config", None)
    given |= {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    in_file: dict[str, Any] = {}
    if path is not None:
        # Imported here: most command lines need neither YAML nor a file system.
        from beam_pipeline.options.config_file import read_config_file

        in_file, beams = read_config_file(path)
        named = {argument.split("=")[0] for argument in rest}
        rest = to_arguments({k: v for k, v in beams.items() if f"--{k}" not in named}) + rest
    if rest:
        check_beam_options(rest, names_of(parser))
    values = {**in_file, **given}
    missing = [
        f"--{field.name}"
        for field in fields(JobConfig)
        if field.default is MISSING and field.name not in values
    ]
    if missing:
        parser.error(f"the following arguments are required: {', '.join(missing)}")
    return JobConfig(**values), rest


def make_parser() -> OneLineParser:
    """Return the parser of our options; one that is not given is not in its namespace."""
    parser = OneLineParser(
        prog="python -m beam_pipeline",
        usage=_USAGE,
        epilog=_EPILOG,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--config", metavar="FILE", help="options from a YAML file, by the same names; flags win"
    )
    hints = get_type_hints(JobConfig)
    for field in fields(JobConfig):
        name, hint = f"--{field.name}", hints[field.name]
        text = option_of(field).text
        words = words_of_flag(hint)
        if words is not None:
            flag: dict[str, Any] = {"action": "store_true"}
            if words:
                flag = {"nargs": "?", "const": True, "choices": words}
            parser.add_argument(name, help=text, **flag)
            no = f"--no_{field.name}"
            parser.add_argument(no, action="store_false", dest=field.name, help=argparse.SUPPRESS)
            continue
        if field.default not in (MISSING, ()):
            text += f" (default: {field.default})"
        parser.add_argument(
            name,
            action="append" if hint == tuple[str, ...] else "store",
            choices=_choices(hint),
            type=hint if hint in (int, float) else str,
            metavar=None if _choices(hint) else field.name.upper(),
            help=text,
        )
    return parser


def _choices(hint: Any) -> tuple[str, ...] | None:
    """Return the values of a Literal, None for any other type."""
    values = get_args(hint)
    return values if values and all(isinstance(value, str) for value in values) else None
