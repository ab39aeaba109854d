"""Panics of the tokenizers library, which prints them before it raises them."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_PRINTED = re.compile(
    rb"\n?thread '[^\n]* panicked at [^\n]*\n[^\n]*\n(?:stack backtrace:\n(?: [^\n]*\n)*)?"
    rb"(?:note: [^\n]*\n)?"
)
_redirecting = threading.Lock()


def is_panic(error: BaseException) -> bool:
    """Return True for a panic of the library's own language, which is no `Exception`."""
    return type(error).__name__ == "PanicException"


@contextmanager
def unprinted_panics() -> Iterator[None]:
    """Keep what the library prints of its panics off the screen; all else is printed afterwards."""
    with _redirecting, tempfile.TemporaryFile() as held:
        screen = os.dup(_STDERR)
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(screen, _STDERR)
            os.close(screen)
            held.seek(0)
            os.write(_STDERR, _PRINTED.sub(b"", held.read()))
