"""Waiting for what other processes and threads do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable


def wait_for(what: str, condition: Callable[[], object], seconds: float = 300) -> None:
    """Wait until a call gives something true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"no {what} in {seconds:.0f} s"
        time.sleep(0.02)


def is_alive(group: int) -> bool:
    """Return whether a group of processes has a process left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
