"""Versions of files: an input is read as it was when the job was planned, or the job stops.

Two things tell a version. The *identity* goes into the manifest, so it is what stays the same when
the file is read from another machine: an etag, or a time of change. The *version* is what a reader
compares before and behind: of a local file its size, its time of change in nanoseconds and its
inode. A store that can is asked for that very version (`If-Match`, a generation), which is all that
is done about small files there. All others are asked once more, at the end, what they have.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem

from transforms.functional.errors import BadInputError
from transforms.storage.small_gets import SmallGets, small_gets
from transforms.storage.stores import CONCURRENCY, ask_once, retrying, run_once, status_of

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
_CHANGED = "has changed since the job was planned; start the job again"


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
    of_gcs = "gs" in _protocols(filesystem) and version.startswith("generation:")
    return of_gcs or _is_of_s3(filesystem, version)


def _is_of_s3(filesystem: AbstractFileSystem, version: str) -> bool:
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
    return run_once(filesystem, _get, filesystem, name, start, end, version)


class SmallFile(NamedTuple):
    """A file to fetch as a whole: its name in the store, its size and version when planned."""

    name: str
    bytes: int
    version: str


def get_many(
    filesystem: AsyncFileSystem, files: Sequence[SmallFile]
) -> list[bytes | BaseException]:
    """Return the bytes of small files, or why there are none, by many requests at the same time.

    One byte more than planned is asked for, which tells a file that has grown.
    """
    return retrying(run_once, filesystem, _get_many, filesystem, files)


async def _get_many(
    filesystem: AsyncFileSystem, files: Sequence[SmallFile]
) -> list[bytes | BaseException]:
    limit = asyncio.Semaphore(CONCURRENCY)
    buckets = await _buckets_of(filesystem, files)

    async def get(file: SmallFile) -> bytes:
        async with limit:
            data = await _get_simply(filesystem, file, buckets)
            return await _get_whole(filesystem, file) if data is None else data

    return await asyncio.gather(*map(get, files), return_exceptions=True)


async def _buckets_of(
    filesystem: AsyncFileSystem, files: Sequence[SmallFile]
) -> dict[str, SmallGets | None]:
    """Return the buckets of S3 in which these files are."""
    names = [file.name for file in files if _is_of_s3(filesystem, file.version)]
    buckets = {filesystem.split_path(name)[0] for name in names}
    return {bucket: await small_gets(filesystem, bucket) for bucket in buckets}


async def _get_simply(
    filesystem: AsyncFileSystem, file: SmallFile, buckets: Mapping[str, SmallGets | None]
) -> bytes | None:
    """Return a file's bytes; None where the store's library has to be asked."""
    if not _is_of_s3(filesystem, file.version):
        return None
    bucket, key, number = filesystem.split_path(file.name)
    gets = buckets[bucket]
    # An empty file has no range at all.
    if gets is None or number or not file.bytes:
        return None
    return await gets.get(key, file.version.partition(":")[2], file.bytes + 1)


async def _get_whole(filesystem: AsyncFileSystem, file: SmallFile) -> bytes:
    name, size, version = file
    start, end = (0, size + 1) if size else (None, None)
    data = await _get(filesystem, name, start, end, version)
    if version and not is_asked_for(filesystem, version):
        check(version, await filesystem._info(name))
    return data


async def _get(
    filesystem: AsyncFileSystem, name: str, start: int | None, end: int | None, version: str
) -> bytes:
    kind, _, value = version.partition(":")
    if not is_asked_for(filesystem, version):
        data: bytes = await filesystem._cat_file(name, start=start, end=end)
    elif kind == "ETag":
        data = await _get_of_s3(filesystem, name, start, end, value)
    else:
        data = await _get_of_gcs(filesystem, name, start, end, value)
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
            raise BadInputError(_CHANGED) from None
        raise
    async with answer["Body"] as body:
        data: bytes = await body.read()
    if answer.get("ETag", etag) != etag:  # Not every such store knows `If-Match`.
        raise BadInputError(_CHANGED)
    return data


async def _get_of_gcs(
    filesystem: AsyncFileSystem, name: str, start: int | None, end: int | None, generation: str
) -> bytes:
    try:
        data: bytes = await filesystem._cat_file(name, start=start, end=end, generation=generation)
    except FileNotFoundError:
        await filesystem._info(name)  # Raises the same where no other generation is there.
        raise BadInputError(_CHANGED) from None
    return data


def check(version: str, info: Mapping[str, Any]) -> None:
    """Raise `InputError` where a store says that a file has another version now."""
    if not is_version(version, version_of(info)):
        raise BadInputError(_CHANGED)
