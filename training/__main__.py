"""`python -m training` and `torchrun -m training`: from a manifest to a trained model."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from transforms.functional.errors import ReviewShardsError, StoppedError

# They log a traceback for each try; what matters comes back as an error.
_STORE_LIBRARIES = ("gcsfs", "s3fs", "adlfs", "azure")


def main(arguments: Sequence[str]) -> int:
    """Train as the arguments say, and return the exit code."""
    if not os.environ.get("REVIEW_SHARDS_DEBUG"):
        for library in _STORE_LIBRARIES:
            logging.getLogger(library).setLevel(logging.CRITICAL)
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
        _say(message if isinstance(error, StoppedError) else f"error: {message}")
        return error.exit_code
    except Exception as error:
        if os.environ.get("REVIEW_SHARDS_DEBUG"):
            raise
        what = " ".join(str(error).split())[:500]
        _say(f"error: {type(error).__name__}: {what} (REVIEW_SHARDS_DEBUG=1 shows where)")
        return ReviewShardsError.exit_code
    except KeyboardInterrupt:
        _say("interrupted: the same command with --resume_from_checkpoint last goes on")
        return 130
    return 0


def _say(line: str) -> None:
    """Print a line, with the process's number where there are several."""
    rank = os.environ.get("RANK")
    if rank is not None:
        kind, _, rest = line.partition(":")
        line = f"{kind} (process {rank}):{rest}"
    # In one piece: torchrun's processes write unbuffered, and to the same place.
    print(f"{line}\n", end="", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
