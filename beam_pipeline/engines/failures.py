"""What the failure of a pipeline means: one of our errors, whatever the runner made of it."""

from __future__ import annotations

import re
from typing import Any

import grpc  # type: ignore[import-untyped]
import requests

from transforms.functional import errors
from transforms.functional.errors import ReviewShardsError

# Local workers raise the error itself, with a suffix; others send the text of its traceback, whose
# last line names the class. A message may continue in lines that are items of a list.
_ERROR_LINE = re.compile(
    r"^(?:[\w.]+\.)?(\w+Error): (.*?(?:\n  - .*?)*)(?: \[while running .*)?$", re.MULTILINE
)

# What Beam's own runner says when a worker process has gone; see `watched_workers`.
LOST_WORKER = "Channel closed prematurely"
# The same in the words of Prism, and of Beam's runners in Java.
_LOST_WORKER = re.compile(
    f"{LOST_WORKER}|SDK worker disconnected|SDK harness closed connection", re.I
)

_TRACEBACK = "Traceback (most recent call last):\n"
_CAUSED_BY = re.compile(r"^\s*Caused by: (.*)$", re.MULTILINE)
# What follows the reason in Java: the frames, which Spark may write without `at`, or what it could
# not send.
_JAVA_STACK = re.compile(
    r"^\s*at [\w.$/<>]+\(|^[\w.$/<>]+\(\w+\.(java|scala):\d+\)|^(Serialization|Driver) stack",
    re.MULTILINE,
)

_MOST_CHARACTERS = 500

_AGAIN = "run the same command again, which keeps the finished shards"


def error_of(
    error: BaseException, *, local: bool = True, engine: str = "the engine"
) -> ReviewShardsError:
    """Return the project's error behind what a runner raised.

    What is none of ours becomes a `ReviewShardsError` with the reason that the text gives.

    Args:
        error: What the runner raised.
        local: True for the local engine, whose options the cure names.
        engine: The engine with its address.
    """
    text = f"{type(error).__name__}: {error}"
    ours = our_error(text)
    if ours is not None:
        return ours
    if _LOST_WORKER.search(text):
        less = "fewer --direct_num_workers need" if local else "fewer --sdk_worker_parallelism need"
        return ReviewShardsError(
            f"a worker process ended in the middle of its work (killed, or out of memory?): "
            f"{_AGAIN}; {less} less memory"
        )
    if has_hung_up(error):
        return ReviewShardsError(
            f"{engine} hung up ({reason_of(error)}): look at its log, start it again if it has "
            f"ended, and {_AGAIN}"
        )
    return ReviewShardsError(
        f"the job failed: {_kind_of(error)}: {reason_of(error)} (--debug shows all of it)"
    )


def our_error(text: str) -> ReviewShardsError | None:
    """Return the project's error that a text holds, the last one of several; None without one."""
    found = [
        (kind, message)
        for name, message in _ERROR_LINE.findall(text)
        if isinstance(kind := getattr(errors, name, None), type)
    ]
    if not found:
        return None
    kind, message = found[-1]
    ours: ReviewShardsError = kind(message)
    return ours


def has_hung_up(error: BaseException) -> bool:
    """Return True where the engine, or the way to it, has gone."""
    call = _call(error)
    if call is not None:
        return bool(call.code() == grpc.StatusCode.UNAVAILABLE)
    return isinstance(error, requests.ConnectionError)


def reason_of(error: BaseException) -> str:
    """Return why something failed, in one line of at most 500 characters.

    Python's traceback ends with the reason. Java's stack begins with it, and where errors are
    wrapped in others, the innermost stands after the last `Caused by`.
    """
    call = _call(error)
    line = _reason_line(str(error if call is None else call.details()))
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]} ..."


def _reason_line(text: str) -> str:
    python = text.rpartition(_TRACEBACK)[2]
    lines = [line for line in python.splitlines() if line.strip()] or [""]
    if _TRACEBACK in text:
        # Its frames are indented; Java's stack may follow.
        return next((line for line in lines if not line[0].isspace()), lines[-1].strip())
    if caused_by := _CAUSED_BY.findall(text):
        return str(caused_by[-1]).strip()
    return lines[0 if _JAVA_STACK.search(text) else -1].strip()


def _kind_of(error: BaseException) -> str:
    call = _call(error)
    return type(error).__name__ if call is None else f"gRPC {call.code().name}"


def _call(error: BaseException) -> Any:
    """Return an error of gRPC as the call that failed, with `code` and `details`; None for others.

    Its text is a page about the call, whose last line is a bracket.
    """
    return error if isinstance(error, grpc.RpcError) and isinstance(error, grpc.Call) else None
