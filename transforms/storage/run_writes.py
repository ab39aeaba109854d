"""What a run writes into its generation: while it holds its lease, and over no other run's file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from transforms import storage
from transforms.functional.errors import OutputError
from transforms.storage.lease import Lease

Kept = TypeVar("Kept")

_TRIES = 3  # Another one of the run's own workers may make the same file at the same time.


def create_in_run(
    path: str, data: bytes, lease: Lease | None, keep: Callable[[bytes], Kept | None]
) -> Kept | None:
    """Create a file, unless one that may be kept is there.

    What else is there was left by a run that is no more, and is replaced: only a run that holds the
    lease gets there.

    Args:
        path: Path or URL of the file.
        data: What to write.
        lease: The right to write; None where an engine runs the job later, without one.
        keep: Gives what another file by that name is good for; None where it is not.

    Returns:
        What `keep` gave for the file that was there; None where `data` is there now.

    Raises:
        OutputError: the lease is lost, or the file cannot be written.
    """
    for _ in range(_TRIES):
        _check(lease)
        if storage.create(path, data):
            return None
        try:
            kept = keep(storage.read_bytes(path))
        except FileNotFoundError:
            continue
        if kept is not None:
            return kept
        _check(lease)
        storage.remove(path)
    raise OutputError(f"cannot write {path}: another process writes there all the time")


def _check(lease: Lease | None) -> None:
    if lease is not None:
        lease.check()
