"""`python -m beam_pipeline.clean OUTPUT`: remove the files of a job that no manifest names."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from beam_pipeline.console import dataset_parser, run_command, run_program, say
from beam_pipeline.output.output_folder import note_removed, remove_unnamed, unnamed_files
from beam_pipeline.summary.record import find_record, now, when_made
from transforms.functional.errors import UsageError
from transforms.functional.wording import counted
from transforms.storage.generations import generation_numbers, newest_manifest, read_manifest
from transforms.storage.lease import lease


def main(arguments: Sequence[str]) -> int:
    """Remove shards of other runs, and what killed processes left; return an exit code."""
    parser = dataset_parser(
        "clean",
        "Remove the shards in OUTPUT that its manifest does not name, and what killed "
        "processes left of unfinished writes. While a job is running there, it is an error.",
    )
    parser.add_argument("--dry_run", action="store_true", help="only say what would be removed")
    parser.add_argument(
        "--keep", type=int, metavar="N", help="of all generations keep the N newest manifests"
    )
    parser.add_argument(
        "--keep_days", type=int, metavar="N", help="keep those of the last N days; also with --keep"
    )
    return run_command(_clean, parser, arguments, interrupted="the same command goes on from here")


def _clean(options: argparse.Namespace) -> None:
    for name in ("keep", "keep_days"):
        number = getattr(options, name)
        if number is not None and number < 1:
            raise UsageError(f"--{name} must be at least 1, got {number}")
    output = options.output
    if options.dry_run:
        found = unnamed_files(output, newest_manifest(output), _to_forget(options))
    else:
        found = _remove(options)
    would_be = "would be " if options.dry_run else ""
    say("\n".join([*found, f"{counted(len(found), 'file')} {would_be}removed"]))


def _remove(options: argparse.Namespace) -> list[str]:
    output = options.output
    read_manifest(output)  # Before anything is written to what may be another folder.
    with lease(output):
        newest = newest_manifest(output)
        forgotten = _to_forget(options)
        if forgotten:
            note_removed(output, forgotten)
        return remove_unnamed(output, newest, forgotten)


def _to_forget(options: argparse.Namespace) -> set[int]:
    """Return the generations whose manifests go."""
    output = options.output
    if options.keep is None and options.keep_days is None:
        return set()
    made = {n: when_made(find_record(output, n)) for n in generation_numbers(output)}
    return outdated(made, now(), keep=options.keep, keep_days=options.keep_days)


def outdated(
    made: Mapping[int, datetime | None],
    now: datetime,
    *,
    keep: int | None = None,
    keep_days: int | None = None,
) -> set[int]:
    """Return the generations that neither of two rules keeps; the newest one is always kept.

    Args:
        made: When each generation was made, by its number; None where nobody knows.
        keep: How many of the newest are kept; None for no such rule.
        keep_days: From how many of the last days they are kept, and those of unknown age; None for
            no such rule. Without a rule all are kept.
    """
    if keep is None and keep_days is None:
        return set()
    numbers = sorted(made)
    kept = set(numbers[-max(1, keep or 0) :])
    if keep_days is not None:
        first = now - timedelta(days=keep_days)
        kept.update(n for n, when in made.items() if when is None or when >= first)
    return set(numbers) - kept


if __name__ == "__main__":
    run_program(main)
