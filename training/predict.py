"""`python -m training.predict`: labels, or fillings of a mask, for texts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from training.inference.predictor import Prediction, Predictor
from training.inference.texts import TextFormat, TextLine, as_json, as_tab_separated, read_texts
from transforms.functional.errors import InputError, ReviewShardsError, UsageError

_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")


def main(arguments: Sequence[str]) -> int:
    """Print a line for each text, and return the exit code."""
    options = command_line().parse_args(list(arguments))
    try:
        _run(options)
    except ReviewShardsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` has seen enough; at its end Python writes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        print(f"error: standard output cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    predictor = Predictor.load(options.model, batch_size=options.batch_size, top_k=options.top_k)
    form = options.output_format or ("jsonl" if _input_format(options) == "jsonl" else "tsv")
    written = as_json if form == "jsonl" else as_tab_separated
    failed: list[tuple[TextLine, Prediction]] = []
    lines = _lines(options)
    while batch := list(islice(lines, options.batch_size)):
        for line, prediction in zip(batch, _predictions(predictor, batch), strict=True):
            print(written(line, prediction), flush=True)
            if prediction.problem and (line.text.strip() or line.problem):
                failed.append((line, prediction))
    if failed:
        line, prediction = failed[0]
        raise UsageError(
            f"{len(failed)} without a prediction; the first: {prediction.problem}"
            f"{f' {line.text[:80]!r}' if line.text else ''}"
        )


def _predictions(predictor: Predictor, lines: Sequence[TextLine]) -> Iterator[Prediction]:
    found = iter(predictor([line.text for line in lines if not line.problem]))
    for line in lines:
        yield Prediction([], line.problem) if line.problem else next(found)


def _lines(options: argparse.Namespace) -> Iterator[TextLine]:
    if options.text:
        yield from map(TextLine, options.text)
        return
    form = _input_format(options)
    if options.file is None:
        yield from read_texts(sys.stdin.buffer, form, options.text_column)
        return
    try:
        with Path(options.file).open("rb") as stream:
            yield from read_texts(stream, form, options.text_column)
    except OSError as error:
        raise InputError(f"--file {options.file} cannot be read: {error.strerror}") from error


def _input_format(options: argparse.Namespace) -> TextFormat:
    by_ending: TextFormat = "jsonl" if (options.file or "").endswith(_JSON_ENDINGS) else "text"
    return options.input_format or by_ending


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.predict",
        description="Print label and probability, or fillings of the mask, for each text: of "
        "--text, of the lines of --file, or of those of standard input. Texts are cleaned and cut "
        "into rows as those of the dataset were; a line without a prediction is printed, too.",
    )
    parser.add_argument("--model", required=True, help="folder that the training program saved")
    parser.add_argument("--text", action="append", help="a text; may be given several times")
    parser.add_argument("--file", help="a file with a text, or a JSON object, on each line")
    parser.add_argument(
        "--input_format",
        choices=["text", "jsonl"],
        help="what the lines are; default: by the file's ending, else text",
    )
    parser.add_argument(
        "--text_column", default="text", help="jsonl: the field that holds the text"
    )
    parser.add_argument(
        "--output_format",
        choices=["tsv", "jsonl"],
        help="fields with tabs between them, or objects; default: jsonl for jsonl",
    )
    parser.add_argument("--top_k", type=_positive, help="how many labels or fillings to print")
    parser.add_argument("--batch_size", type=_positive, default=32, help="rows run together")
    return parser


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
