"""What makes a process of the job start fast, and keep its memory."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# glibc's names and numbers (malloc.h).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import in this block without looking for garbage, and never look at what it left again.

    Beam's modules make some hundred thousand objects and no garbage; to look for it takes a quarter
    of the imports' time, and as much again in the first seconds of the job. A process that has
    Beam already (a test, a notebook) is left as it is.
    """
    if "apache_beam" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def keep_memory() -> None:
    """Keep what one part has freed for the next one; call it before Arrow and threads start.

    A part takes and frees hundreds of megabytes in large blocks. glibc and Arrow's own allocator
    give them back to the system at once, and each page of them is a fault the next time: more than
    half of the job's system time. Worker processes inherit the choice for Arrow alone, since what
    one for each core kept would add up. What the user has set for either allocator stays.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt(_M_ARENA_MAX, 1)  # The arenas of threads keep no block above 64 MiB.
    mallopt(_M_MMAP_THRESHOLD, 128 << 20)
    mallopt(_M_TRIM_THRESHOLD, 256 << 20)
