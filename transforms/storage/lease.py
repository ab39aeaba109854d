"""The right to change an output: one process at a time holds it.

A lease is a small file in the output that its holder writes anew every few seconds. Whoever finds
one waits until it has not changed for `EXPIRES_S`, or knows at once that its holder is dead, as the
process was one of this machine. A holder that was taken for dead, say because its machine slept,
learns it when it renews; nothing that it has written by then does harm, since a manifest is only
ever created (see `transforms.storage.generations`).
"""

from __future__ import annotations

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
from pathlib import Path

from transforms import storage
from transforms.functional.errors import OutputError, ReviewShardsError

LEASE_NAME = "lease.json"
RENEWED_S = 15.0
EXPIRES_S = 60.0

_logger = logging.getLogger(__name__)
_held: set[str] = set()  # Tokens of the leases that this process holds.


@contextmanager
def lease(
    output: str, *, renewed_s: float = RENEWED_S, expires_s: float = EXPIRES_S
) -> Iterator[None]:
    """Hold the lease of an output.

    Args:
        output: Folder or URL of the dataset.
        renewed_s: Seconds from one renewal to the next.
        expires_s: Seconds after which a lease that was not renewed is another one's to take.

    Raises:
        OutputError: another process holds it, or it cannot be written.
    """
    path = storage.join(output, LEASE_NAME)
    token = secrets.token_hex(8)
    _take(path, token, expires_s)
    _held.add(token)
    released = threading.Event()
    renewal = threading.Thread(
        target=_renew, args=(path, token, renewed_s, released), daemon=True, name="lease"
    )
    renewal.start()
    try:
        yield
    finally:
        released.set()
        renewal.join()
        _held.discard(token)
        if _is_ours(path, token):
            storage.remove(path)


def _take(path: str, token: str, expires_s: float) -> None:
    """Create the lease; one that nobody renews is removed first."""
    while not storage.create(path, _content(token, 0)):
        found = _holder_of(path)
        if found is None:  # Given back in this moment.
            continue
        if not found or _is_dead(found) or _is_silent(path, found, expires_s):
            _logger.info("%s: its holder is gone, taken over", storage.mask_secrets(path))
            storage.remove(path)


def _is_silent(path: str, found: dict[str, object], expires_s: float) -> bool:
    """Watch a lease, and return True when it has not changed for long, False when it is gone.

    Raises:
        OutputError: it was renewed.
    """
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
                f"{storage.mask_secrets(path)}: another run is writing there (host "
                f"{now.get('host')}, process {now.get('process')}): wait until it ends, or choose "
                f"another --output"
            )
    return True


def _renew(path: str, token: str, renewed_s: float, released: threading.Event) -> None:
    count = 0
    while not released.wait(renewed_s):
        count += 1
        try:
            if not _is_ours(path, token):
                _logger.warning(
                    "%s was taken over by another run, which will win", storage.mask_secrets(path)
                )
                return
            storage.write_atomic(path, _content(token, count))
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


def _is_ours(path: str, token: str) -> bool:
    return (_holder_of(path) or {}).get("token") == token


def _holder_of(path: str) -> dict[str, object] | None:
    """Return what a lease says of its holder: nothing where it is damaged, None without one."""
    try:
        holder = json.loads(storage.read_bytes(path))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _is_dead(holder: dict[str, object]) -> bool:
    """Return True where the holder was a process of this machine and is no more."""
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
        return False
    return False


def _machine(proc: Path = Path("/proc")) -> str:
    """Return what is the same for processes that see each other's numbers, and for no others."""
    if not proc.exists():  # Not Linux: no containers with numbers of their own.
        return f"{platform.node()} {uuid.getnode():x}"
    boot = (proc / "sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{boot} {(proc / 'self/ns/pid').readlink()}"
