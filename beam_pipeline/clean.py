"""`python -m beam_pipeline.clean OUTPUT`: remove the files of a job that no manifest names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from beam_pipeline.output.output_folder import remove_unnamed, unnamed_files
from transforms.functional.errors import ReviewShardsError
from transforms.storage.generations import newest_manifest, read_manifest
from transforms.storage.lease import lease


def main(arguments: Sequence[str]) -> int:
    """Remove shards of other runs, and what killed processes left; return an exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m beam_pipeline.clean",
        description="Remove the shards in OUTPUT that its manifest does not name, and what killed "
        "processes left of unfinished writes. While a job is running there, it is an error.",
        allow_abbrev=False,
    )
    parser.add_argument("output", help="folder or URL of the dataset")
    parser.add_argument("--dry_run", action="store_true", help="only say what would be removed")
    options = parser.parse_args(arguments)
    try:
        found = _find(options.output) if options.dry_run else _remove(options.output)
    except ReviewShardsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    for path in found:
        print(path)
    print(f"{len(found)} files {'would be ' if options.dry_run else ''}removed")
    return 0


def _find(output: str) -> list[str]:
    return unnamed_files(output, newest_manifest(output))


def _remove(output: str) -> list[str]:
    read_manifest(output)  # Before anything is written to what may be another folder.
    with lease(output):
        return remove_unnamed(output, newest_manifest(output))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
