"""What makes a process of the job start fast, and keep its memory.

Without it: half a second more to start, twice the system time, and a third more memory a worker.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# glibc's names and numbers (malloc.h).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import in this block what the job needs of Beam, without looking for garbage.

    Beam's modules make some hundred thousand objects and no garbage; to look for it takes a quarter
    of the imports' time, and as much again in the first seconds of the job: what the imports left
    is never looked at again. A process that has
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


def limit_library_threads() -> None:
    """Keep libraries from starting threads of their own: the job has work for every core itself.

    Those of numpy's linear algebra, which the job has no use for, spin; those of the tokenizer
    fight with the job's own over the allocator's lock: the new words of a part took them three
    times as long as one thread. Call it before numpy is imported; what the user has set stays.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def keep_memory() -> None:
    """Keep what one part has freed for the next one; call it before Arrow and threads start.

    A part takes and frees hundreds of megabytes in large blocks. glibc and Arrow's own allocator
    give them back to the system at once, and each page of them is a fault the next time: more than
    half of the job's system time. Threads share one arena: what one frees in its own no other can
    have, and it keeps no block above 64 MiB. What the user has set for either allocator stays.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    _tell_malloc({_M_ARENA_MAX: 1, _M_MMAP_THRESHOLD: 128 << 20, _M_TRIM_THRESHOLD: 256 << 20})


def _tell_malloc(choices: Mapping[int, int]) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name.startswith("MALLOC_") for name in os.environ):
        return
    for parameter, value in choices.items():
        mallopt(parameter, value)
