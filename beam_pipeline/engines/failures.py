"""What the failure of a pipeline means: one of our errors, whatever the runner made of it."""

from __future__ import annotations

import re

from transforms.functional import errors
from transforms.functional.errors import ReviewShardsError

# Local workers raise the error itself, with a suffix; others send the text of its traceback, whose
# last line names the class.
_ERROR_LINE = re.compile(r"^(?:[\w.]+\.)?(\w+Error): (.*?)(?: \[while running .*)?$", re.MULTILINE)

# What Beam's own runner says when a worker process has gone; see `watched_workers`.
LOST_WORKER = "Channel closed prematurely"


def error_of(error: BaseException) -> ReviewShardsError:
    """Return the project's error behind what a runner raised.

    What is none of ours becomes a `ReviewShardsError` with the last line of the text.
    """
    text = f"{type(error).__name__}: {error}"
    found = [
        (kind, message)
        for name, message in _ERROR_LINE.findall(text)
        if isinstance(kind := getattr(errors, name, None), type)
    ]
    if found:
        kind, message = found[-1]
        ours: ReviewShardsError = kind(message)
        return ours
    if LOST_WORKER in text:
        return ReviewShardsError(
            "a worker process ended in the middle of its work (killed, or out of memory?): run the "
            "same command again, which keeps the finished shards; fewer --direct_num_workers need "
            "less memory"
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return ReviewShardsError(
        f"the job failed: {type(error).__name__}: {lines[-1]} (--debug shows all of it)"
    )
