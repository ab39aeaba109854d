"""Writing and removing files by path or URL: all of a file is there, or nothing of it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from transforms.functional.errors import OutputError, ReviewShardsError
from transforms.functional.safe_urls import mask_secrets
from transforms.storage.paths import is_local, locate
from transforms.storage.reading import exists, read_if_there
from transforms.storage.stores import ask, knows_no_conditions, reason, status_of

# What file systems without hard links say.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
# Conflict, or precondition failed: what a store says where a file is there already.
_EXISTS_STATUS = (409, 412)
# Not implemented: of a store that knows no conditions.
_NO_CONDITIONS_STATUS = 501
# Buckets of such stores that this process has met.
_unconditional: set[str] = set()

_logger = logging.getLogger(__name__)


def write_atomic(path: str, data: bytes) -> None:
    """Write a file so that a reader sees all of it or none.

    Locally: a temporary file beside it, fsync, rename. In a store: one PUT, or for large files a
    multipart upload that is completed or aborted; both are atomic there.

    Raises:
        OutputError: it cannot be written.
    """
    with _writing(path):
        filesystem, name = locate(path)
        if isinstance(filesystem, LocalFileSystem):
            _write_local(Path(name), [data])
        else:
            ask(filesystem, "pipe_file", name, data)


def create(path: str, data: bytes) -> bool:
    """Write a file unless it is there, and return False where another one is.

    Of several processes that create a file at once, one gets True: locally by a hard link, in S3,
    Google Cloud Storage and Azure by a conditional PUT. Stores that know no conditions are only
    looked at before.

    Raises:
        OutputError: it cannot be written.
    """
    with _writing(path):
        filesystem, name = locate(path)
        if isinstance(filesystem, LocalFileSystem):
            created = _write_local(Path(name), [data], replace=False)
        else:
            created = _put_new(filesystem, name, data, _bucket_of(path))
    # It is our own where the answer to the first of two attempts was lost.
    return created or read_if_there(path) == data


def create_from(path: str, pieces: Iterable[bytes]) -> bool:
    """Write a file of any size unless one is there, and return False where one is.

    Args:
        pieces: Its bytes, of which one piece is in memory at a time. None is taken where a file is
            there.

    Raises:
        OutputError: it cannot be written.
    """
    with _writing(path):
        filesystem, name = locate(path)
        if exists(path):
            return False
        if isinstance(filesystem, LocalFileSystem):
            return _write_local(Path(name), pieces, replace=False)
        remaining = iter(pieces)
        first, second = next(remaining, b""), next(remaining, None)
        if second is None:
            return _put_new(filesystem, name, first, _bucket_of(path))
        _upload(filesystem, name, chain([first, second], remaining))
        return True


def _upload(filesystem: AbstractFileSystem, name: str, pieces: Iterable[bytes]) -> None:
    """Write a large file, of which nothing is there before its end."""
    file = filesystem.open(name, "wb")
    try:
        file.writelines(pieces)
    except BaseException:
        # Closing it would complete it, and so would forgetting it.
        file.discard()
        file.closed = True
        raise
    file.close()


def _put_new(filesystem: AbstractFileSystem, name: str, data: bytes, bucket: str) -> bool:
    # Some stores take the condition and pass it over.
    if ask(filesystem, "exists", name):
        return False
    if bucket not in _unconditional and knows_no_conditions(filesystem):
        _say_that_it_knows_no_conditions(bucket, "the hub has no such request")
    is_conditional = bucket not in _unconditional
    try:
        mode = "create" if is_conditional else "overwrite"
        ask(filesystem, "pipe_file", name, data, mode=mode)
    except Exception as error:
        if status_of(error) == _NO_CONDITIONS_STATUS and is_conditional:
            _say_that_it_knows_no_conditions(bucket, "HTTP 501 to If-None-Match")
            return _put_new(filesystem, name, data, bucket)
        is_there = is_conditional and status_of(error) in _EXISTS_STATUS
        if is_there or isinstance(error, FileExistsError):
            return False
        raise
    return True


def _bucket_of(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _say_that_it_knows_no_conditions(bucket: str, why: str) -> None:
    _unconditional.add(bucket)
    _logger.warning(
        "%s cannot write a file only where none is (%s): never let two jobs write to one output "
        "there at a time (docs/reliability.md)",
        mask_secrets(bucket),
        why,
    )


@contextmanager
def _writing(path: str) -> Iterator[None]:
    """Turn what goes wrong when a file is written into an `OutputError`."""
    try:
        yield
    except FileNotFoundError as error:
        why = (
            "there is no such bucket, container, repository or folder: create it, or choose "
            "another --output"
        )
        raise OutputError(
            f"cannot write {path}: {reason(error) if is_local(path) else why}"
        ) from error
    except ReviewShardsError:
        raise
    except Exception as error:
        raise OutputError(f"cannot write {path}: {reason(error)}") from error


def _write_local(path: Path, pieces: Iterable[bytes], *, replace: bool = True) -> bool:
    """Write a file, and return False where one is there that must not be replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    temporary.unlink(missing_ok=True)  # Left by a killed process that had our number.
    try:
        # "x" never follows a link that somebody put there.
        with temporary.open("xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
            return True
        created = _linked(path, temporary)
        temporary.unlink()
        return created
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _linked(path: Path, temporary: Path) -> bool:
    """Give a finished file its name, and return False where that is taken."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A mounted bucket, say: another file may come between the look and the rename.
        if path.exists():
            return False
        shutil.copyfile(temporary, path)
    return True


def remove_empty_folder(path: str) -> None:
    """Remove a folder of this machine if nothing is in it; a store has no empty ones."""
    filesystem, name = locate(path)
    if isinstance(filesystem, LocalFileSystem):
        # Not empty, not there, or a link: all of them may stay.
        with suppress(OSError):
            Path(name).rmdir()


def remove(path: str) -> None:
    """Remove a file or a folder with all that is in it; nothing there is fine.

    Raises:
        OutputError: it cannot be removed.
    """
    filesystem, name = locate(path)
    try:
        if exists(path):
            ask(filesystem, "rm", name, recursive=True)
    except FileNotFoundError:
        return
    except Exception as error:
        raise OutputError(f"cannot remove {path}: {reason(error)}") from error


def abort_uploads(output: str) -> list[str]:
    """Abort the unfinished multipart uploads below an output, and return the paths they were for.

    A killed job leaves parts of large ones, that nobody sees and somebody pays for.
    Only S3 keeps them for ever; Google Cloud Storage and Azure forget theirs after a week, and
    neither shows nor lists them. Not while another job writes there.
    """
    if not output.startswith(("s3://", "s3a://")):
        return []
    filesystem, name = locate(output)
    bucket, folder, _ = filesystem.split_path(name)
    prefix = f"{folder.rstrip('/')}/" if folder.strip("/") else ""
    aborted: list[str] = []
    markers: dict[str, str] = {}
    try:
        while True:
            where = {"Bucket": bucket, "Prefix": prefix, **markers}
            page = ask(filesystem, "call_s3", "list_multipart_uploads", **where)
            for upload in page.get("Uploads", []):
                ask(filesystem, "abort_mpu", bucket, upload["Key"], upload["UploadId"])
                aborted.append(upload["Key"][len(prefix) :])
            if not page.get("IsTruncated"):
                return aborted
            markers = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }
    except FileNotFoundError:  # No such bucket, or a page that went meanwhile.
        return aborted
    except Exception as error:
        _logger.warning(
            "unfinished uploads below %s cannot be looked for: %s; a lifecycle rule of the bucket "
            "can remove them (docs/storage.md)",
            mask_secrets(output),
            reason(error),
        )
        return aborted
