"""Remote stores: how their file systems are made, which of their errors pass, and how long to wait.

The libraries (`s3fs`, `gcsfs`, `adlfs`, `huggingface_hub`) find credentials and endpoints by
themselves, and retry by themselves what they know to be worth it. What they let through and may
pass by all the same (a body cut short, a reset, a 503 after their own tries) is tried again here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from itertools import chain
from typing import Any, TypeVar, cast

import fsspec
from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem, sync

from transforms.functional.errors import UsageError
from transforms.functional.safe_urls import mask_secrets

Result = TypeVar("Result")

ATTEMPTS = 5
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0
CALL_TIMEOUT_S = 300.0
# Requests at the same time for one group of small files.
CONCURRENCY = 128

# What the hub answers to a commit while another one is made.
_COMMIT_STATUS = (409, 412)
_HUB_ERROR = "HfHubHTTPError"
_TRANSIENT_STATUS = {408, 409, 425, 429, 500, 502, 503, 504}
_STATUS_ATTRIBUTES = ("status_code", "status", "code")
# By name: the libraries that define them are extras.
_TRANSIENT_NAMES = {
    "ChunkedEncodingError",
    "ClientConnectionError",
    "ClientPayloadError",
    "ConnectionError",
    "FSTimeoutError",
    "HTTPClientError",
    "IncompleteRead",
    "IncompleteReadError",
    "ResponseParserError",
    "ServiceRequestError",
    "ServiceResponseError",
    "TransportError",
}
# Whose access keys are no part of a URL: what stands before the `@` would be taken for the bucket.
_NO_USERINFO = ("s3://", "s3a://", "gs://", "gcs://", "az://", "hf://")

# What botocore is told, where the user's fsspec configuration does not say.
_S3_CONFIG = {
    "max_pool_connections": CONCURRENCY,
    "connect_timeout": 5,
    "read_timeout": 30,
    "retries": {"mode": "standard", "max_attempts": 3},
}
# What brings the library of a scheme.
_EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "azure"),
    "hf": "hf",
}


def filesystem_of(url: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a URL, and its name there.

    Raises:
        UsageError: the URL holds an access key, its library is not installed, or nobody knows it.
    """
    if any(url.lower().startswith(scheme) for scheme in _NO_USERINFO) and mask_secrets(url) != url:
        raise UsageError(
            f"{mask_secrets(url)}: take the secret out of the URL; docs/storage.md says where the "
            f"store's library looks for credentials"
        )
    # Other processes write there too: nothing of a listing may be remembered.
    options: dict[str, Any] = {"use_listings_cache": False}
    if url.startswith(("s3://", "s3a://")):
        given = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
        options["config_kwargs"] = {**_S3_CONFIG, **given}
    try:
        found = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        extra = _EXTRAS.get(url.partition("://")[0].lower())
        cure = f"pip install 'review-shards[{extra}]'" if extra else " ".join(str(error).split())
        raise UsageError(
            f"{url} needs a library that is not installed: {cure} (docs/storage.md)"
        ) from None
    except ValueError as error:
        why = " ".join(str(error).split())
        raise UsageError(f"{url} cannot be opened: {why} (docs/storage.md)") from None
    if knows_no_conditions(found[0]):
        # No bar for each shard that is uploaded. Only an extra brings it, which has loaded it.
        import_module("huggingface_hub.utils").disable_progress_bars()
    return cast("tuple[AbstractFileSystem, str]", found)


def knows_no_conditions(filesystem: AbstractFileSystem) -> bool:
    """Return True for the Hugging Face hub, which writes over what is there, whoever wrote it."""
    return bool(filesystem.protocol == "hf")


def ask(filesystem: AbstractFileSystem, method: str, *arguments: Any, **options: Any) -> Any:
    """Call a method of a file system: in bounded time, and again where its error may pass."""
    return retrying(ask_once, filesystem, method, *arguments, **options)


def ask_once(filesystem: AbstractFileSystem, method: str, *arguments: Any, **options: Any) -> Any:
    """Call a method of a file system in bounded time."""
    if isinstance(filesystem, AsyncFileSystem):
        # The libraries' own time-outs do not cover a server that never says `100 Continue`.
        options["timeout"] = CALL_TIMEOUT_S
    return getattr(filesystem, method)(*arguments, **options)


def run_once(
    filesystem: AsyncFileSystem, work: Callable[..., Awaitable[Result]], *arguments: Any
) -> Result:
    """Run a coroutine of ours on the loop of a file system, in bounded time."""
    return cast(Result, sync(filesystem.loop, work, *arguments, timeout=CALL_TIMEOUT_S))


def retrying(call: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
    """Return what a call gives; errors that may pass are waited out, `ATTEMPTS` times at most."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return call(*arguments, **options)
        except Exception as error:
            if attempt == ATTEMPTS or not is_transient(error):
                raise
        wait(attempt)
    raise AssertionError("unreachable")


def wait(attempt: int) -> None:
    """Wait before the next attempt: twice as long each time, and not in step with others."""
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
    time.sleep(random.uniform(longest / 2, longest))


def is_transient(error: BaseException) -> bool:
    """Return True for errors that another try may not meet."""
    if isinstance(error, FileNotFoundError):
        if cause := hidden_cause(error):
            return is_transient(cause)
        # S3 forgets an upload that it has completed while the answer was lost.
        return "upload" in str(error).lower()
    if isinstance(error, PermissionError | FileExistsError | IsADirectoryError):
        return False
    names = {kind.__name__ for kind in type(error).__mro__}
    # Before any status: aiohttp calls a body that was cut short a 400.
    if names & _TRANSIENT_NAMES:
        return True
    status = status_of(error)
    if status is None:
        return isinstance(error, TimeoutError | ConnectionError)
    return status in _TRANSIENT_STATUS or (_HUB_ERROR in names and status in _COMMIT_STATUS)


def hidden_cause(error: BaseException) -> BaseException | None:
    """Return what fsspec calls "not found" for web servers: a refused connection, a 503.

    None where nothing is there indeed.
    """
    cause = error.__cause__
    if not isinstance(error, FileNotFoundError) or cause is None:
        return None
    missing = isinstance(cause, FileNotFoundError) or status_of(cause) in (404, 410)
    return None if missing else cause


def status_of(error: BaseException | None) -> int | None:
    """Return the HTTP status in an error of any of the libraries, None where there is none."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        # One after the other: aiohttp warns of its `code`, where it has a `status`.
        named = (getattr(error, name, None) for name in _STATUS_ATTRIBUTES)
        for value in chain([response], named):
            value = getattr(value, "status_code", value)
            if str(value).isdigit() and 100 <= int(str(value)) < 600:
                return int(str(value))
        error = error.__cause__
    return None


def reason(error: BaseException) -> str:
    """Return why something failed, in one line without secrets."""
    text = getattr(error, "strerror", None) or " ".join(str(error).split())
    text = mask_secrets(str(text) or type(error).__name__)
    status = status_of(error)
    if status is not None and str(status) not in text:
        text = f"{text} (HTTP {status})"
    return text if len(text) <= 300 else f"{text[:300]}..."
