"""`python -m beam_pipeline.report OUTPUT`: draw report.html from report.json and the manifest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from beam_pipeline.report.write import write_report
from transforms import storage
from transforms.functional.errors import ReviewShardsError


def main(arguments: Sequence[str]) -> int:
    """Draw the report of a dataset, and return an exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m beam_pipeline.report", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("output", help="folder or URL of the dataset")
    options = parser.parse_args(arguments)
    try:
        print(storage.mask_secrets(write_report(options.output)))
    except ReviewShardsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
