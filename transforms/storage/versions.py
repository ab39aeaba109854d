"""Versions of files: an input is read as it was when the job was planned, or the job stops.

Two things tell a version. The *identity* goes into the manifest, so it is what stays the same when
the file is read from another machine: an etag, or a time of change. The *version* is what a reader
compares before and after it reads: of a local file its size, its time of change in nanoseconds and
its inode. A store that can is asked for exactly that version (`If-Match`, a generation), which is
all that is done for small files there. All others are asked again at the end what they have.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem

from transforms.functional.errors import BadInputError
from transforms.storage.stores import ask_once, run_once, status_of

# What tells one version of a file from the next, by the names that file systems give it.
_IDENTITY_KEYS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "generation",
    "blob_id",
    "mtime",
    "LastModified",
    "last_modified",
    "Last-Modified",
)
CHANGED = "has changed since the job was planned; start the job again"


def identity_of(info: Mapping[str, Any]) -> str:
    """Return what changes when a file does, out of what its file system says of it."""
    return next((f"{key}:{info[key]}" for key in _IDENTITY_KEYS if info.get(key)), "")


def version_of(info: Mapping[str, Any]) -> str:
    """Return what a reader compares, out of what a store says of a file."""
    generation = info.get("generation")
    return f"generation:{generation}" if generation else identity_of(info)


def local_version(status: os.stat_result) -> str:
    """Return what a reader compares of a local file."""
    return f"local:{status.st_size}:{status.st_mtime_ns}:{status.st_dev}:{status.st_ino}"


def is_version(planned: str, now: str) -> bool:
    """Return True where two versions may be one: what one of them does not say is no difference."""
    kind, _, value = planned.partition(":")
    other_kind, _, other = now.partition(":")
    if kind != other_kind:  # A listing may say less than a look at one file.
        return True
    if kind == "local":
        one, two = value.split(":"), other.split(":")
        # Another machine has other numbers for devices and inodes.
        return one == two if one[2] == two[2] else one[:2] == two[:2]
    return value == other


def is_asked_for(filesystem: AbstractFileSystem, version: str) -> bool:
    """Return True where a store gives the bytes of this version only."""
    of_gcs = version.startswith("generation:") and "gs" in _protocols(filesystem)
    return of_gcs or is_of_s3(filesystem, version)


def is_of_s3(filesystem: AbstractFileSystem, version: str) -> bool:
    """Return True where S3 is asked for a version by its etag."""
    return "s3" in _protocols(filesystem) and version.startswith("ETag:")


def _protocols(filesystem: AbstractFileSystem) -> tuple[str, ...]:
    protocols = filesystem.protocol
    return (protocols,) if isinstance(protocols, str) else tuple(protocols)


def get_range(
    filesystem: AbstractFileSystem, name: str, start: int, end: int, version: str
) -> bytes:
    """Return some bytes of a file, of one version where the store can be asked for it.

    Raises:
        InputError: it has another version now.
    """
    if not is_asked_for(filesystem, version):
        data: bytes = ask_once(filesystem, "cat_file", name, start=start, end=end)
        return data
    return run_once(filesystem, get, filesystem, name, start, end, version)


async def get(
    filesystem: AsyncFileSystem, name: str, start: int | None, end: int | None, version: str
) -> bytes:
    """Return what `get_range` does, on the loop of the file system; None: from or to its end."""
    kind, _, value = version.partition(":")
    if is_asked_for(filesystem, version):
        of_store = _get_of_s3 if kind == "ETag" else _get_of_gcs
        return await of_store(filesystem, name, start, end, value)
    data: bytes = await filesystem._cat_file(name, start=start, end=end)
    return data


async def _get_of_s3(
    filesystem: AsyncFileSystem, name: str, start: int | None, end: int | None, etag: str
) -> bytes:
    bucket, key, number = filesystem.split_path(name)
    options = {"VersionId": number} if number else {}
    if end is not None:
        options["Range"] = f"bytes={start}-{end - 1}"
    try:
        answer = await filesystem._call_s3(
            "get_object", Bucket=bucket, Key=key, IfMatch=etag, **options
        )
    except OSError as error:
        if status_of(error) == 412:
            raise BadInputError(CHANGED) from None
        raise
    async with answer["Body"] as body:
        data: bytes = await body.read()
    if answer.get("ETag", etag) != etag:  # Not every such store knows `If-Match`.
        raise BadInputError(CHANGED)
    return data


async def _get_of_gcs(
    filesystem: AsyncFileSystem, name: str, start: int | None, end: int | None, generation: str
) -> bytes:
    try:
        data: bytes = await filesystem._cat_file(name, start=start, end=end, generation=generation)
    except FileNotFoundError:
        await filesystem._info(name)  # Raises the same where no other generation is there.
        raise BadInputError(CHANGED) from None
    return data
