"""`python -m beam_pipeline.verify OUTPUT`: is every file there, and what the manifests say?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from beam_pipeline.console import dataset_parser, run_command, run_program, say
from beam_pipeline.output.checks import Problem, find_problems
from transforms import storage
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest
from transforms.functional.errors import UsageError
from transforms.functional.wording import counted
from transforms.storage.generations import read_generation, read_manifest, restore_generation
from transforms.storage.lease import LEASE_NAME, lease


def main(arguments: Sequence[str]) -> int:
    """Check a dataset, say what is wrong with which file, and return 1 if anything is."""
    parser = dataset_parser("verify", __doc__, generation=True)
    parser.add_argument(
        "--repair", action="store_true", help="make damaged and missing shards again"
    )
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        help="where --repair may read besides OUTPUT's own store; may be given several times",
    )
    return run_command(_verify, parser, arguments, interrupted="the same command starts over")


def _verify(options: argparse.Namespace) -> int:
    output, path, manifest = read_generation(options.output, options.generation)
    if options.repair and path != MANIFEST_NAME:
        raise UsageError(f"--repair is for the newest generation, not {path}: name OUTPUT alone")
    problems = _report(find_problems(output, manifest, path))
    if problems and options.repair:
        manifest = _repair(output, manifest, problems, options.input)
        say("Made again; checking once more.")
        problems = _report(find_problems(output, manifest))
    if storage.exists(storage.join(output, LEASE_NAME)):
        say(f"{LEASE_NAME} is there: a job may be writing, so stray files were not looked for")
    if problems:
        cure = "" if options.repair else "; --repair makes shards again from their inputs"
        say(f"{counted(len(problems), 'problem')}{cure}")
        return 1
    name = output if path == MANIFEST_NAME else storage.join(output, path)
    say(f"{name}: {counted(len(manifest.shard_paths()), 'shard')}, all as the manifest says")
    return 0


def _report(found: Iterator[Problem]) -> list[Problem]:
    problems = []
    for problem in found:
        say(f"{problem.path}: {problem.what}")
        problems.append(problem)
    return problems


def _repair(
    output: str, manifest: Manifest, problems: Sequence[Problem], named: Sequence[str]
) -> Manifest:
    """Repair a dataset as it stands now, and return its manifest."""
    # Imported here: a check alone needs no Beam.
    from beam_pipeline.output.repair import repair

    with lease(output) as held:
        now = read_manifest(output)
        if now != manifest:
            say("Another run has changed the dataset meanwhile; checking it again.")
            problems = _report(find_problems(output, now))
        restore_generation(output, now)
        repair(held, now, [problem.shard for problem in problems if problem.shard], named)
        return now


if __name__ == "__main__":
    run_program(main)
