"""`python -m beam_pipeline.clean OUTPUT`: remove the files of a job that no manifest names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from beam_pipeline.output_folder import read_manifest, remove_unnamed, unnamed_files
from transforms.functional.errors import ReviewShardsError


def main(arguments: Sequence[str]) -> int:
    """Remove shards of other runs, and what killed processes left; return an exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m beam_pipeline.clean",
        description="Remove the shards in OUTPUT that its manifest does not name, and what killed "
        "processes left of unfinished writes. Not while a job is running there.",
        allow_abbrev=False,
    )
    parser.add_argument("output", help="folder or URL of the dataset")
    parser.add_argument("--dry_run", action="store_true", help="only say what would be removed")
    options = parser.parse_args(arguments)
    try:
        manifest = read_manifest(options.output)
        find = unnamed_files if options.dry_run else remove_unnamed
        for path in (found := find(options.output, manifest)):
            print(path)
    except ReviewShardsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{len(found)} files {'would be ' if options.dry_run else ''}removed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
