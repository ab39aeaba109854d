"""The command line: our options, and Beam's, with no room for a misspelt one."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NoReturn, get_args, get_type_hints

from beam_pipeline.config import JobConfig
from transforms.functional.errors import UsageError

_USAGE = (
    "python -m beam_pipeline --input PATH_OR_GLOB [--input ...] --output DIR "
    "--tokenizer DIR_OR_JSON_OR_HUB_NAME --task mlm|classification [options] [Beam options]"
)
_EPILOG = (
    "Every option of Apache Beam goes too, as --runner, --direct_num_workers, --job_endpoint. "
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 too many rejected records."
)
_HELP = {
    "input": "a file, folder or glob, local or a URL; may be given several times",
    "output": "folder or URL of the dataset",
    "tokenizer": "a folder with tokenizer.json, such a file, or a name on the Hugging Face hub",
    "task": "mlm: reviews end to end, in blocks; classification: a review a row, with its label",
    "max_length": "tokens in a block or row, special tokens included",
    "text_column": "column or JSON field of the review",
    "label_column": "column or JSON field of the class label",
    "label_from_path": "take the label from the folder that a file lies in (pos/, neg/, unsup/)",
    "sample_by": "plain text: a review a line, or each file one review (document)",
    "input_format": "format of all inputs; auto: by their endings",
    "padding": "max_length: fixed rows; longest: ragged rows, padded when they are loaded",
    "overflow": "cut long reviews off, or give them several overlapping rows (windows)",
    "stride": "tokens that a window shares with the next",
    "remainder": "the last tokens of a part, which fill no block: drop or pad them",
    "masking": "dynamic: mask when training; static: masks and labels in the shards",
    "mlm_probability": "share of tokens that static masks choose",
    "whole_word_masking": "static masks choose whole words",
    "validation_fraction": "share of reviews for the validation subset",
    "seed": "seed of masks, shuffling and validation",
    "order": "keep the order of the inputs, or shuffle all reviews",
    "part_bytes": "most bytes of review text in a part; a shard is made of a part",
    "format": "arrow: memory-mapped by training; parquet: for cold storage",
    "max_rejected_fraction": "share of rejected records above which the job fails",
    "overwrite": "replace another dataset in --output",
    "dry_run": "only say what would be read and made",
    "debug": "show tracebacks",
}
_REQUIRED = ("input", "output", "tokenizer", "task")


class _OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see --help)")


def parse_options(arguments: Sequence[str]) -> tuple[JobConfig, list[str]]:
    """Return the job's configuration, and the arguments that are Beam's.

    Raises:
        UsageError: an argument is neither ours nor Beam's, or a value is wrong.
    """
    namespace, rest = _make_parser().parse_known_args(list(arguments))
    values: dict[str, Any] = vars(namespace)
    values["input"] = tuple(values["input"])
    config = JobConfig(**values)
    if rest:
        check_beam_options(rest)
    return config, rest


def check_beam_options(arguments: Sequence[str]) -> None:
    """Raise `UsageError` for arguments that Beam does not know; Beam itself ignores them."""
    # Imported here: it takes a second, and most command lines need none of it.
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = _OneLineParser(add_help=False, allow_abbrev=False, conflict_handler="resolve")
    for options in _all_subclasses(PipelineOptions):
        if "_add_argparse_args" in vars(options):
            options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        names = [*_option_names(parser), *_option_names(_make_parser())]
        wrong = unknown[0]
        near = difflib.get_close_matches(wrong.split("=")[0], names, n=1)
        hint = f"did you mean {near[0]}?" if near else "see --help"
        raise UsageError(f"unknown argument {wrong!r}: {hint}")


def _make_parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="python -m beam_pipeline", usage=_USAGE, epilog=_EPILOG, allow_abbrev=False
    )
    hints = get_type_hints(JobConfig)
    for field in fields(JobConfig):
        name, hint = f"--{field.name}", hints[field.name]
        text = _HELP[field.name]
        if hint is bool:
            parser.add_argument(name, action="store_true", help=text)
            continue
        required = field.name in _REQUIRED
        if not required:
            text += " (default: %(default)s)"
        parser.add_argument(
            name,
            required=required,
            default=None if required else field.default,
            action="append" if field.name == "input" else "store",
            choices=None if hint in (str, int, float) else _choices(hint),
            type=hint if hint in (int, float) else str,
            metavar=None if _choices(hint) else field.name.upper(),
            help=text,
        )
    return parser


def _choices(hint: Any) -> tuple[str, ...] | None:
    """Return the values of a Literal, None for any other type."""
    values = get_args(hint)
    return values if values and all(isinstance(value, str) for value in values) else None


def _option_names(parser: argparse.ArgumentParser) -> list[str]:
    return [name for action in parser._actions for name in action.option_strings]


def _all_subclasses(cls: type) -> list[Any]:
    found: list[Any] = []
    children: list[Any] = cls.__subclasses__()
    for child in children:
        found += [child, *_all_subclasses(child)]
    return found
