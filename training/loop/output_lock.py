"""One run at a time in an output folder."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import sys
import time
from contextlib import suppress
from pathlib import Path

from transforms.functional.errors import UsageError

LOCK_FILE = ".lock"

_PATIENCE_S = 10.0  # A run that was killed may take a moment to be gone.
_POLL_S = 0.1
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class OutputLock:
    """Keeps a second run out of a folder; the first process of a run takes it for all of them.

    It is a lock of the system, by process: it goes when the process ends, however it ends, is not
    handed on to the workers of a loader, and works on NFS, too.

    Args:
        folder: The output folder.
    """

    def __init__(self, folder: str) -> None:
        """Store the folder."""
        self._path = Path(folder, LOCK_FILE)
        self._descriptor: int | None = None
        self._made: list[Path] = []

    def acquire(self) -> None:
        """Take the lock; make the folder if need be.

        Raises:
            UsageError: another run has it, or the folder cannot be made.
        """
        folder = self._path.parent
        self._made = [path for path in (folder, *folder.parents) if not path.exists()]
        while True:
            descriptor = self._open()
            try:
                self._lock(descriptor)
                if self._is_there(descriptor):  # The run before removes its file.
                    break
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())

    def release(self) -> None:
        """Give the lock back, if this process has it; a folder that it made for nothing goes."""
        if self._descriptor is None:
            return
        with suppress(OSError):
            self._path.unlink()
            for folder in self._made:
                folder.rmdir()  # Not where anything lies in it.
        os.close(self._descriptor)
        self._descriptor = None

    def _open(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(
                f"--output_dir {self._path.parent} cannot be written: {error.strerror}"
            ) from error

    def _is_there(self, descriptor: int) -> bool:
        """Return True where the file that is open is still the one that others would open."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _lock(self, descriptor: int) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    print(
                        f"warning: {self._path.parent} lies where there are no locks: see to it "
                        f"that no other run writes there",
                        file=sys.stderr,
                    )
                    return
                if time.monotonic() >= deadline:
                    holder = os.read(descriptor, 200).decode(errors="replace")
                    raise UsageError(
                        f"another run ({holder}) is writing to --output_dir {self._path.parent}: "
                        f"wait until it has ended, or choose another folder"
                    ) from None
            time.sleep(_POLL_S)
