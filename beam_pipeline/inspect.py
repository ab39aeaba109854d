"""`python -m beam_pipeline.inspect OUTPUT`: what a dataset is, a row as text, what differs.

In a terminal a row has colours; NO_COLOR turns them off.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from beam_pipeline.console import exit_code_of, run_program, say, write
from beam_pipeline.options.config import JobConfig
from beam_pipeline.output.comparison import differences
from beam_pipeline.output.row_view import load_row, row_text
from transforms.functional.dataset.manifest import SUBSETS, Manifest
from transforms.storage.generations import read_manifest


def main(arguments: Sequence[str]) -> int:
    """Print what the arguments ask for, and return an exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m beam_pipeline.inspect",
        description="Say what a dataset is; show a row of it as text; say how another one differs.",
        allow_abbrev=False,
    )
    parser.add_argument("output", help="folder or URL of the dataset")
    parser.add_argument("--row", type=int, metavar="N", help="show this row, counted from 0")
    parser.add_argument("--subset", choices=SUBSETS, default="train", help="of which subset")
    parser.add_argument("--diff", metavar="OTHER", help="another dataset: say what differs")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: _inspect(options), interrupted="nothing was changed")


def _inspect(options: argparse.Namespace) -> int:
    manifest = read_manifest(options.output)
    if options.diff is not None:
        found = differences(manifest, read_manifest(options.diff))
        same = "no difference: the same content, made of the same inputs"
        say("\n".join([f"- {options.output}", f"+ {options.diff}", *(found or [same])]))
    elif options.row is not None:
        _print_row(options.output, manifest, options.subset, options.row)
    else:
        say(describe(options.output, manifest))
    return 0


def describe(output: str, manifest: Manifest) -> str:
    """Return what a dataset is, in one screen."""
    ledger, tokenizer = manifest.ledger, manifest.tokenizer
    reviews, tokens = ledger.reviews, ledger.tokens
    lines = [
        f"{output}",
        f"  task        {manifest.task}, max_length {manifest.max_length}",
        *(f"  {_subset(manifest, subset)}" for subset in manifest.subsets),
        f"  reviews     {reviews.read:,} read = {reviews.written:,} written + "
        f"{reviews.rejected:,} rejected + {reviews.dropped:,} dropped",
        f"  tokens      {tokens.written:,} written, {tokens.dropped:,} dropped",
        f"  inputs      {len(manifest.inputs):,} files, "
        f"{manifest.inputs.total('bytes') / 1e6:,.1f} MB",
        f"  tokenizer   {tokenizer.vocab_size:,} ids, sha256 {tokenizer.sha256[:16]}",
        f"  content     sha256 {manifest.content_sha256()[:16]}",
    ]
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


def _subset(manifest: Manifest, subset: str) -> str:
    shards = manifest.subsets[subset]
    n_bytes = shards.total("bytes")
    return (
        f"{subset:<11} {manifest.rows(subset):,} rows, {manifest.tokens(subset):,} tokens, "
        f"{len(shards):,} shards, {n_bytes / 1e6:,.1f} MB"
    )


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
