"""`python -m training` and `torchrun -m training`: from a manifest to a trained model."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from transforms.functional.errors import ReviewShardsError


def main(arguments: Sequence[str]) -> int:
    """Train as the arguments say, and return the exit code."""
    try:
        # Imported here: an error of one line needs no torch, and `--help` of other tools neither.
        from training.config import parse_options
        from training.run import run

        run(parse_options(arguments))
    except ReviewShardsError as error:
        if os.environ.get("REVIEW_SHARDS_DEBUG"):
            raise
        # A worker process of a loader sends its error with a traceback: the last line is ours.
        message = str(error).strip().splitlines()[-1]
        rank = os.environ.get("RANK")
        # In one piece: torchrun's processes write unbuffered, and to the same place.
        line = f"error{f' (process {rank})' if rank else ''}: {message}\n"
        print(line, end="", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
