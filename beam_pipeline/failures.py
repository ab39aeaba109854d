"""What the failure of a pipeline means: one of our errors, whatever the runner made of it."""

from __future__ import annotations

import re

from transforms.functional import errors
from transforms.functional.errors import ReviewShardsError

# Local workers raise the error itself, with a suffix; others send the text of its traceback, whose
# last line names the class.
_ERROR_LINE = re.compile(r"^(?:[\w.]+\.)?(\w+Error): (.*?)(?: \[while running .*)?$", re.MULTILINE)


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
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return ReviewShardsError(
        f"the job failed: {type(error).__name__}: {lines[-1]} (--debug shows all of it)"
    )
