"""`python -m beam_pipeline.clean OUTPUT`: remove the files of a job that no manifest names."""

from __future__ import annotations

from collections.abc import Sequence

from beam_pipeline.console import run_program, say
from beam_pipeline.dataset_arguments import dataset_parser, run_command
from beam_pipeline.output.output_folder import remove_unnamed, unnamed_files
from transforms.functional.wording import counted
from transforms.storage.generations import newest_manifest, read_manifest
from transforms.storage.lease import lease


def main(arguments: Sequence[str]) -> int:
    """Remove shards of other runs, and what killed processes left; return an exit code."""
    parser = dataset_parser(
        "clean",
        "Remove the shards in OUTPUT that its manifest does not name, and what killed "
        "processes left of unfinished writes. While a job is running there, it is an error.",
    )
    parser.add_argument("--dry_run", action="store_true", help="only say what would be removed")
    options = parser.parse_args(arguments)
    return run_command(
        lambda: _clean(options.output, dry_run=options.dry_run),
        options,
        interrupted="the same command goes on from here",
    )


def _clean(output: str, *, dry_run: bool) -> int:
    found = _find(output) if dry_run else _remove(output)
    would_be = "would be " if dry_run else ""
    say("\n".join([*found, f"{counted(len(found), 'file')} {would_be}removed"]))
    return 0


def _find(output: str) -> list[str]:
    return unnamed_files(output, newest_manifest(output))


def _remove(output: str) -> list[str]:
    read_manifest(output)  # Before anything is written to what may be another folder.
    with lease(output):
        return remove_unnamed(output, newest_manifest(output))


if __name__ == "__main__":
    run_program(main)
