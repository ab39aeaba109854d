"""The right to change an output: one process at a time holds it.

A lease is a small file in the output that its holder rewrites every few seconds. Whoever finds
one waits until it has not changed for `EXPIRES_S`, or knows at once that its holder is dead, as the
process was one of this machine. Of several that find a dead lease at once, one takes it over: the
one that creates the claim on it.

A holder that was taken for dead, say because its machine slept, looks at its lease before each
write, and stops. What it writes in that very moment does no harm either: shards and manifests are
created, and never written over (see `transforms.storage.generations`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from transforms import storage
from transforms.functional.cleanup import cleaning_up
from transforms.functional.errors import OutputError, ReviewShardsError

LEASE_NAME = "lease.json"
RENEWED_S = 15.0
EXPIRES_S = 60.0
CLAIM_EXPIRES_S = 5.0  # Held for three requests.
_TRIES = 20  # A lease that comes and goes in between; more is something else by that name.

_logger = logging.getLogger(__name__)
_held: set[str] = set()  # Tokens of the leases that this process holds.


@dataclass(frozen=True)
class Lease:
    """A lease that was taken; workers get a copy of it.

    Attributes:
        output: Folder or URL of the dataset.
        token: What tells this lease from any other one.
    """

    output: str
    token: str

    @property
    def path(self) -> str:
        """Path or URL of its file."""
        return storage.join(self.output, LEASE_NAME)

    def check(self) -> None:
        """Raise `OutputError` where the lease is no longer held, so that nothing may be written."""
        holder = _holder_of(self.path)
        if holder is not None and holder.get("token") == self.token:
            return
        by = "and is gone since" if holder is None else f"by {_who(holder)}"
        raise OutputError(
            f"{storage.mask_secrets(self.path)} was taken over {by}, as this run gave no sign of "
            f"life: it stops here, and has written over nothing; start it again once the other "
            f"run has ended"
        )


@contextmanager
def lease(
    output: str, *, renewed_s: float = RENEWED_S, expires_s: float = EXPIRES_S
) -> Iterator[Lease]:
    """Hold the lease of an output.

    Args:
        renewed_s: Seconds from one renewal to the next.
        expires_s: Seconds after which a lease that was not renewed is another one's to take.

    Raises:
        OutputError: another process holds it, or it cannot be written.
    """
    taken = Lease(output, secrets.token_hex(8))
    released = threading.Event()
    renewal = threading.Thread(
        target=_renew, args=(taken, renewed_s, released), daemon=True, name="lease"
    )

    def give_back() -> None:
        released.set()
        renewal.join()
        if _is_ours(taken):
            storage.remove(taken.path)

    _held.add(taken.token)
    try:
        _take(taken.path, taken.token, expires_s)
        renewal.start()
        with cleaning_up(give_back):
            yield taken
    finally:
        _held.discard(taken.token)


def is_left_behind(output: str) -> bool:
    """Return True where a lease is there whose holder is surely gone; nobody is waited for."""
    holder = _holder_of(storage.join(output, LEASE_NAME))
    return holder is not None and _is_over(holder)


def _take(path: str, token: str, expires_s: float) -> None:
    """Create the lease, or take over one that nobody renews."""
    for _ in range(_TRIES):
        if storage.create(path, _content(token, 0)):
            return
        found = storage.read_if_there(path)
        if found is None:  # Given back in this moment.
            time.sleep(0.05)
        elif _is_silent(path, _parsed(found), expires_s) and _take_over(path, found, token):
            _logger.info("%s: its holder is gone, taken over", storage.mask_secrets(path))
            return
    raise OutputError(
        f"{storage.mask_secrets(path)} is there, but is no file that can be read: remove it, if no "
        f"other run is writing there"
    )


def _take_over(path: str, found: bytes, token: str) -> bool:
    """Replace a lease whose holder is gone; return False where another process was quicker.

    The claim is a lease of its own, on the one that was found: a process may die holding it.
    """
    claim = f"{path}.{hashlib.sha256(found).hexdigest()[:16]}"
    _take(claim, token, CLAIM_EXPIRES_S)
    with cleaning_up(partial(storage.remove, claim)):
        if storage.read_if_there(path) != found:
            return False
        storage.write_atomic(path, _content(token, 0))
        return True


def _is_silent(path: str, found: dict[str, object], expires_s: float) -> bool:
    """Return True for a lease whose holder is gone, False when it was given back.

    Where nobody knows, it is watched for long.

    Raises:
        OutputError: it was renewed.
    """
    if _is_over(found):
        return True
    _logger.warning(
        "%s: host %s held this output, and may be gone; looking for %d s whether it still does",
        storage.mask_secrets(path),
        found.get("host"),
        expires_s,
    )
    silent_at = time.monotonic() + expires_s
    while time.monotonic() < silent_at:
        time.sleep(min(1.0, expires_s / 10))
        now = _holder_of(path)
        if now is None:
            return False
        if now != found:
            raise OutputError(
                f"{storage.mask_secrets(path)}: another run is writing there ({_who(now)}): wait "
                f"until it ends, or choose another --output"
            )
    return True


def _renew(taken: Lease, renewed_s: float, released: threading.Event) -> None:
    """Renew a lease until it is given back."""
    count = 0
    while not released.wait(renewed_s):
        count += 1
        try:
            if not _is_ours(taken):
                _logger.warning(
                    "%s was taken over by another run, which will win",
                    storage.mask_secrets(taken.path),
                )
                return
            storage.write_atomic(taken.path, _content(taken.token, count))
        except ReviewShardsError as error:  # The next renewal may pass.
            _logger.warning("%s", error)


def _content(token: str, renewals: int) -> bytes:
    holder = {
        "token": token,
        "renewals": renewals,
        "host": platform.node(),
        "machine": _machine(),
        "process": os.getpid(),
    }
    return (json.dumps(holder) + "\n").encode()


def _is_ours(taken: Lease) -> bool:
    return (_holder_of(taken.path) or {}).get("token") == taken.token


def _who(holder: dict[str, object]) -> str:
    return f"host {holder.get('host')}, process {holder.get('process')}"


def _holder_of(path: str) -> dict[str, object] | None:
    """Return what a lease says of its holder: nothing where it is damaged, None without one."""
    found = storage.read_if_there(path)
    return None if found is None else _parsed(found)


def _parsed(content: bytes) -> dict[str, object]:
    try:
        holder = json.loads(content)
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _is_over(holder: dict[str, object]) -> bool:
    """Return True for a lease that is damaged, or was held by a dead process of this machine."""
    if not holder:
        return True
    process = holder.get("process")
    if holder.get("machine") != _machine() or not isinstance(process, int):
        return False
    if process == os.getpid():  # Ours, or that of a process which had our number.
        return holder.get("token") not in _held
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # Another user's.
    return False


def _machine(proc: Path = Path("/proc")) -> str:
    """Return what is the same for processes that see each other's numbers, and for no others."""
    if not proc.exists():  # Not Linux: no containers with numbers of their own.
        return f"{platform.node()} {uuid.getnode():x}"
    boot = (proc / "sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{boot} {(proc / 'self/ns/pid').readlink()}"
