"""Locks on files (`flock`): the system gives them back when a process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def try_lock(path: Path) -> int | None:
    """Open a file for oneself, a new one if need be; None while another process has it."""
    try:
        return open_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB, os.O_RDWR | os.O_CREAT)
    except BlockingIOError:
        return None


def open_locked(path: Path, kind: int, flags: int = os.O_RDONLY) -> int | None:
    """Open and lock a file; None where there is none, or it was removed or renamed meanwhile."""
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, kind)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def remove_unless_locked(path: Path) -> bool:
    """Remove a file; return False, and leave it, where another process has it locked."""
    try:
        descriptor = open_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if descriptor is not None:
        path.unlink(missing_ok=True)
        os.close(descriptor)
    return True
