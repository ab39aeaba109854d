"""`python -m beam_pipeline.inspect OUTPUT`: what a dataset is, a row as text, what differs.

In a terminal a row has colours; NO_COLOR turns them off.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from beam_pipeline.console import dataset_parser, run_command, run_program, say, write
from beam_pipeline.options.config import JobConfig
from beam_pipeline.output.comparison import list_differences
from beam_pipeline.output.row_view import load_row, row_text
from beam_pipeline.summary.lines import subset_line
from transforms import storage
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest
from transforms.functional.dataset.manifest_entries import SUBSETS
from transforms.functional.wording import counted
from transforms.storage.generations import read_generation


def main(arguments: Sequence[str]) -> int:
    """Print what the arguments ask for, and return an exit code."""
    parser = dataset_parser(
        "inspect",
        "Say what a dataset is; show a row of it as text; say how another one differs.",
        generation=True,
    )
    parser.add_argument("--row", type=int, metavar="N", help="show this row, counted from 0")
    parser.add_argument("--subset", choices=SUBSETS, default="train", help="of which subset")
    parser.add_argument(
        "--diff", metavar="OTHER", help="another dataset, or a generation: say what differs"
    )
    return run_command(_inspect, parser, arguments, interrupted="nothing was changed")


def _inspect(options: argparse.Namespace) -> None:
    output, path, manifest = read_generation(options.output, options.generation)
    if options.diff is not None:
        _print_differences(output, path, manifest, options.diff)
    elif options.row is not None:
        _print_row(output, manifest, options.subset, options.row)
    else:
        say(describe(output, manifest))


def _print_differences(output: str, path: str, manifest: Manifest, other: str) -> None:
    """Say what differs in another dataset; a number means a generation of the same one."""
    read = read_generation(output, int(other)) if other.isdecimal() else read_generation(other)
    other_output, other_path, other_manifest = read
    found = list_differences(manifest, other_manifest)
    same = "no difference: the same content, made of the same inputs"
    names = (f"- {_name(output, path)}", f"+ {_name(other_output, other_path)}")
    say("\n".join([*names, *(found or [same])]))


def _name(output: str, path: str) -> str:
    return output if path == MANIFEST_NAME else storage.join(output, path)


def describe(output: str, manifest: Manifest) -> str:
    """Return what a dataset is, in one screen."""
    ledger, tokenizer = manifest.ledger, manifest.tokenizer
    reviews, tokens = ledger.reviews, ledger.tokens
    lines = [
        f"{output}",
        f"  task        {manifest.task}, max_length {manifest.max_length}",
        *(f"  {subset_line(manifest, subset)}" for subset in manifest.subsets),
        f"  reviews     {reviews.read:,} read = {reviews.written:,} written + "
        f"{reviews.rejected:,} rejected + {reviews.dropped:,} dropped",
        f"  tokens      {tokens.written:,} written, {tokens.dropped:,} dropped",
        f"  inputs      {counted(len(manifest.inputs), 'file')}, "
        f"{manifest.inputs.total('bytes') / 1e6:,.1f} MB",
        f"  tokenizer   {tokenizer.vocab_size:,} ids, sha256 {tokenizer.sha256[:16]}",
        f"  generation  {manifest.generation:,}",
        f"  content     sha256 {manifest.content_sha256()[:16]}",
    ]
    places = manifest.max_length * sum(map(manifest.rows, manifest.subsets))
    if places and manifest.config.get("padding") != "longest":
        padding = 1 - sum(map(manifest.tokens, manifest.subsets)) / places
        lines.append(f"  padding     {padding:.2%} of all places in the rows".replace("%", " %"))
    if manifest.label_numbers is not None:
        names = sorted(manifest.label_numbers.items(), key=lambda item: item[1])
        lines.append("  labels      " + ", ".join(f"{number} {name}" for name, number in names))
    options = _chosen_options(manifest)
    if options:
        lines.append(f"  options     {options}")
    first = next((subset for subset in manifest.subsets if manifest.rows(subset)), None)
    if first is not None:
        lines.append(
            f"See a row: --row 0 --subset {first} (to {manifest.rows(first) - 1:,}); "
            f"compare: --diff OTHER"
        )
    return "\n".join(lines)


def _chosen_options(manifest: Manifest) -> str:
    """Return the options that have not their default, as one would type them."""
    defaults = {**vars(JobConfig), "task": manifest.task, "max_length": manifest.max_length}
    chosen = {name: value for name, value in manifest.config.items() if value != defaults.get(name)}
    return " ".join(
        f"--{name}" if value is True else f"--{name} {value}" for name, value in chosen.items()
    )


def _print_row(output: str, manifest: Manifest, subset: str, number: int) -> None:
    # Imported here: only a row has colours.
    from rich.console import Console

    # A row is one line for a pipe, and wrapped at words in a terminal.
    in_terminal = sys.stdout is not None and sys.stdout.isatty()
    console = Console(highlight=False, soft_wrap=not in_terminal)
    row = row_text(load_row(output, manifest, subset, number))
    with console.capture() as captured:
        console.print(row, end="")
    write(captured.get(), sys.stdout)


if __name__ == "__main__":
    run_program(main)
