"""Many small files of one store, fetched at once.

An S3 client's own call for an object costs 4.5 ms of CPU (parameters, endpoint rules, events, the
parsed answer), which is more than the file itself where there are 10,000. `_Bucket` uses only the
client's signature and its connections, with its proxies, certificates and time-outs: a quarter of
the CPU. Whatever does not simply succeed is asked for again by the client's own call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem

from transforms.functional.errors import BadInputError, InputError
from transforms.functional.readers.file_range import FileRange
from transforms.storage.paths import locate
from transforms.storage.reading import changed, input_error, vanished
from transforms.storage.stores import ATTEMPTS, CONCURRENCY, is_transient, retrying, run_once, wait
from transforms.storage.versions import CHANGED, get, is_asked_for, is_of_s3, is_version, version_of

_SUCCESS = (200, 206)


class _SmallFile(NamedTuple):
    """A file to fetch whole: its name in the store, its size and version when planned."""

    name: str
    bytes: int
    version: str


def read_small_files(files: Sequence[FileRange]) -> Iterator[bytes]:
    """Yield the bytes of small files of one remote store, together small enough for memory.

    Raises:
        InputError: one is gone, has changed, or cannot be read.
    """
    filesystem = locate(files[0].path)[0]
    asked = [_SmallFile(locate(file.path)[1], file.bytes or 0, file.version) for file in files]
    found: list[Any] = [None] * len(asked)
    missing = list(range(len(asked)))
    for attempt in range(1, ATTEMPTS + 1):
        results = _fetch_all(filesystem, [asked[i] for i in missing])
        for i, result in zip(missing, results, strict=True):
            found[i] = result
        missing = [i for i in missing if _try_again(found[i], asked[i].bytes)]
        if not missing or attempt == ATTEMPTS:
            break
        wait(attempt)
    for file, small, result in zip(files, asked, found, strict=True):
        if isinstance(result, FileNotFoundError):
            raise vanished(file.path)
        if isinstance(result, InputError):
            raise type(result)(f"{file.path}: {result}")
        if isinstance(result, BaseException):
            raise input_error(file.path, result) from result
        if len(result) != small.bytes:
            raise changed(file.path, len(result), small.bytes)
        yield result


def _try_again(result: Any, size: int) -> bool:
    if isinstance(result, BaseException):
        return is_transient(result)
    return len(result) < size


def _fetch_all(
    filesystem: AbstractFileSystem, files: Sequence[_SmallFile]
) -> list[bytes | BaseException]:
    """Return the bytes of files, or why there are none."""
    if isinstance(filesystem, AsyncFileSystem):
        return retrying(run_once, filesystem, _get_many, filesystem, files)

    def fetch(file: _SmallFile) -> bytes | BaseException:
        try:
            return cast(bytes, filesystem.cat_file(file.name))
        except Exception as error:
            return error

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(fetch, files))


async def _get_many(
    filesystem: AsyncFileSystem, files: Sequence[_SmallFile]
) -> list[bytes | BaseException]:
    limit = asyncio.Semaphore(CONCURRENCY)
    names = [file.name for file in files if is_of_s3(filesystem, file.version)]
    buckets = {
        bucket: await _open_bucket(filesystem, bucket)
        for bucket in {filesystem.split_path(name)[0] for name in names}
    }

    async def fetch(file: _SmallFile) -> bytes:
        async with limit:
            data = await _get_simply(filesystem, file, buckets)
            return await _get_whole(filesystem, file) if data is None else data

    return await asyncio.gather(*map(fetch, files), return_exceptions=True)


async def _get_simply(
    filesystem: AsyncFileSystem, file: _SmallFile, buckets: Mapping[str, _Bucket | None]
) -> bytes | None:
    """Return a file's bytes; None where the store's library has to be asked."""
    if not is_of_s3(filesystem, file.version):
        return None
    name, key, number = filesystem.split_path(file.name)
    bucket = buckets[name]
    # An empty file has no range at all.
    if bucket is None or number or not file.bytes:
        return None
    # One byte more than planned, which tells a file that has grown.
    return await bucket.get(key, file.version.partition(":")[2], file.bytes + 1)


async def _get_whole(filesystem: AsyncFileSystem, file: _SmallFile) -> bytes:
    name, size, version = file
    start, end = (0, size + 1) if size else (None, None)
    data = await get(filesystem, name, start, end, version)
    if version and not is_asked_for(filesystem, version):
        now = version_of(await filesystem._info(name))
        if not is_version(version, now):
            raise BadInputError(CHANGED)
    return data


@dataclass(frozen=True)
class _Bucket:
    """A bucket of S3: its client, and its URL up to the slash before the key."""

    client: Any
    folder: str

    async def get(self, key: str, etag: str, end: int) -> bytes | None:
        """Return an object's bytes up to `end`, if it is of that version; else None."""
        # With S3's client, which is an extra.
        from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]

        headers = {"If-Match": etag, "Range": f"bytes=0-{end - 1}"}
        request = AWSRequest("GET", self.folder + quote(key, safe="/~"), headers=headers)
        await self.client._request_signer.sign("GetObject", request)
        answer = await self.client._endpoint.http_session.send(request.prepare())
        # Not every such store knows `If-Match`.
        if answer.status_code not in _SUCCESS or answer.headers.get("etag", etag) != etag:
            return None
        return cast(bytes, await answer.content)


async def _open_bucket(filesystem: AsyncFileSystem, bucket: str) -> _Bucket | None:
    """Return a bucket; None where its objects need more than their keys."""
    await filesystem.set_session()
    client = await filesystem.get_s3(bucket)
    # Who pays, or a key of the customer's own.
    if filesystem._get_s3_method_kwargs(client.get_object):
        return None
    parameters = {"Bucket": bucket, "Key": "key"}
    url: str = await client.generate_presigned_url("get_object", Params=parameters)
    return _Bucket(client, url.partition("?")[0].removesuffix("key"))
