"""`python -m beam_pipeline.generations OUTPUT`: when each was made, of what, and how many rows."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from beam_pipeline.console import command_line, dataset_parser, run_command, run_program, say
from beam_pipeline.output.output_folder import rolled_back, write_card
from beam_pipeline.report.write import write_report
from beam_pipeline.summary.record import RunLog, find_record, now, record_made, when_made
from transforms import storage
from transforms.functional.dataset.manifest import FORMAT_VERSION, Manifest
from transforms.functional.dataset.manifest_entries import Generation
from transforms.functional.dataset.totals import totals
from transforms.functional.errors import OutputError, UsageError
from transforms.functional.wording import counted
from transforms.storage.generations import (
    current_manifest,
    figures_path,
    generation_numbers,
    generation_path,
    missing_shards,
    newest_manifest,
    publish,
    read_manifest,
    texts_path,
)
from transforms.storage.lease import Lease, lease

NAMES_SHOWN = 2


def main(arguments: Sequence[str]) -> int:
    """List generations, or roll back to one, and return an exit code."""
    parser = dataset_parser("generations", "List the generations of a dataset, or go back to one.")
    parser.add_argument(
        "--roll_back",
        type=int,
        metavar="N",
        help="make a new generation that holds what generation N did; nothing is removed",
    )
    command = command_line("beam_pipeline.generations", arguments)

    def run(options: argparse.Namespace) -> None:
        if options.roll_back is not None:
            _roll_back(options.output, options.roll_back, command)
        say("\n".join(describe_generations(options.output)))

    return run_command(run, parser, arguments, interrupted="the same command starts over")


def _roll_back(output: str, number: int, command: str) -> None:
    run = RunLog(command=command, output=output)
    read_manifest(output)  # Before anything is written to what may be another folder.
    with lease(output) as held:
        manifest = _roll_back_to(number, held)
        seconds = (now() - run.started).total_seconds()
        for path_of in (figures_path, texts_path):  # The same rows have the same figures.
            path = storage.join(output, path_of(number))
            if storage.exists(path):
                copy = storage.join(output, path_of(manifest.generation))
                storage.create(copy, storage.read_bytes(path))
        target = read_manifest(output, generation_path(number))
        record_made(run, f"rolled back to generation {number}", seconds, manifest, target)
        write_card(output, manifest)
        write_report(output)


def _roll_back_to(number: int, held: Lease) -> Manifest:
    """Make a new generation that holds what an earlier one did, and return its manifest.

    Nothing is removed or written over: the manifest of the new generation is created, and
    `manifest.json` swapped, as at the end of a job. The generations in between stay, and can be
    rolled back to.

    Raises:
        UsageError: there is no such generation, or it is the newest.
        OutputError: a shard of it is gone, or the lease is lost.
    """
    output = held.output
    newest = current_manifest(output)
    there = generation_numbers(output)
    if number not in there:
        raise UsageError(
            f"{output} has no generation {number}, it has: {', '.join(map(str, there)) or 'none'}"
        )
    if newest is not None and number == newest.generation:
        raise UsageError(f"generation {number} is the newest one: there is nothing to roll back")
    target = read_manifest(output, generation_path(number))
    missing = missing_shards(output, target)
    if missing:
        raise OutputError(f"generation {number} cannot be rolled back to: {missing[0]} is gone")
    made = Generation(number=there[-1] + 1, inputs=0, splits=0)
    manifest = replace(
        target, generations=(*target.generations, made), format_version=FORMAT_VERSION
    )
    publish(output, manifest, held)
    return manifest


def describe_generations(output: str) -> Iterator[str]:
    """Yield a line for each generation that is there, the newest last."""
    newest = newest_manifest(output)
    gone_back = set(rolled_back(output, newest))
    yield f"{output}: {counted(len(newest.generations), 'generation')}"
    for number in generation_numbers(output):
        manifest = read_manifest(output, generation_path(number))
        record = find_record(output, number)
        made = when_made(record)
        when = f"{made:%Y-%m-%d %H:%M} UTC" if made else "at an unknown time"
        state = "*" if number == newest.generation else "-" if number in gone_back else " "
        rows = sum(map(manifest.rows, manifest.subsets))
        yield (
            f"{state} {number:>6}  {when:<20}  {counted(rows, 'row'):>18}  "
            f"{_what(output, manifest, record)}"
        )
    yield "* the newest" + (", - rolled back" if gone_back else "")


def _what(output: str, manifest: Manifest, record: Mapping[str, Any] | None) -> str:
    """Return what a generation's run added."""
    [*_, generation] = manifest.generations
    if not generation.inputs:
        return str(record["exit_reason"]) if record else "no new input"
    names = [entry.path for entry in manifest.inputs[-generation.inputs :][:NAMES_SHOWN]]
    more = generation.inputs - len(names)
    files = ", ".join(names) + (f" and {more:,} more" if more else "")
    figures = _added(output, manifest, record)
    reviews = counted(figures["ledger"]["reviews"]["written"], "review") if figures else "reviews"
    return f"{reviews} of {counted(generation.inputs, 'file')}: {files}"


def _added(
    output: str, manifest: Manifest, record: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Return what a generation added; None where the one before is no longer there to tell."""
    if record is not None and "ledger" in record["run"]:
        figures: Mapping[str, Any] = record["run"]
        return figures
    if len(manifest.generations) == 1:
        return totals(manifest)
    before = manifest.generations[-2].number
    if before not in generation_numbers(output):
        return None
    return totals(manifest, read_manifest(output, generation_path(before)))


if __name__ == "__main__":
    run_program(main)
