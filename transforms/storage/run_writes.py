"""What a run writes into its generation: while it holds its lease, and over no other run's file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from transforms import storage
from transforms.functional.elements import TokenizedPart
from transforms.functional.errors import OutputError
from transforms.functional.figures.part_notes import PartNote
from transforms.functional.figures.review_statistics import ReviewStatistics
from transforms.functional.reviews.reviews import Part, PartKey
from transforms.storage.lease import Lease

Kept = TypeVar("Kept")

_TRIES = 3  # Another one of the run's own workers may make the same file at the same time.


def create_in_run(
    path: str, data: bytes, lease: Lease | None, keep: Callable[[bytes], Kept | None]
) -> Kept | None:
    """Create a file, unless one that may be kept is there.

    Any other file there was left by a run that has ended, and is replaced: only a run that holds
    the lease gets there.

    Args:
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


@dataclass(frozen=True, kw_only=True)
class Notes:
    """Where what was counted of each part is noted while the job runs, besides its shard.

    An engine that starts a job again, or a run that goes on from one, keeps the shards that it
    finds; what was counted of them lies here.

    Attributes:
        folder: Folder or URL.
        fingerprint: The fingerprint of the job.
        lease: The right to write; None where an engine runs the job later, without one.
    """

    folder: str
    fingerprint: str
    lease: Lease | None = None

    @property
    def run(self) -> str:
        """What tells this run from any other one."""
        return "" if self.lease is None else self.lease.token

    def write(self, part: TokenizedPart, statistics: ReviewStatistics) -> None:
        """Note what was counted of a part."""
        note = PartNote(
            digest=part.digest, fingerprint=self.fingerprint, run=self.run, statistics=statistics
        )
        create_in_run(self._path(part.key), note.dumps(), self.lease, keep=lambda _: None)

    def find(self, part: Part) -> PartNote | None:
        """Return what was noted of a part; None where nothing was, or of something else."""
        try:
            note = PartNote.loads(storage.read_bytes(self._path(part.key)))
        except FileNotFoundError:
            return None
        if note is None or (note.digest, note.fingerprint) != (part.digest, self.fingerprint):
            return None
        return note

    def _path(self, key: PartKey) -> str:
        return storage.join(self.folder, f"{key}.npz")
