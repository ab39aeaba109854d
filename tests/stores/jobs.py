"""Jobs whose input and output lie in a store."""

from __future__ import annotations

import json
import os
import signal
import time

from tests.jobs import REVIEWS, SMALL_PARTS, run, start
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.storage.generations import read_manifest

OPTIONS = (*SMALL_PARTS, "--validation_fraction", "0.2")


def job(source: str, output: str, *more: str) -> int:
    """Run a job in this process and return its exit code."""
    return run(output, *OPTIONS, *more, reviews=source)


def job_killed(source: str, output: str, shards: int, *more: str) -> int:
    """Start a job, kill it and its workers once some shards are there; return how many are."""
    process = start(output, *OPTIONS, *more, reviews=source)
    try:
        end = time.monotonic() + 60
        while (found := len(storage.list_files(storage.join(output, "train")))) < shards:
            assert process.poll() is None, "the job ended before it could be killed"
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return found


def put_reviews(url: str) -> str:
    """Put the sample's reviews there, and return where they are."""
    storage.write_atomic(url, REVIEWS.read_bytes())
    return url


def manifest_of(output: str) -> Manifest:
    return read_manifest(output)


def shard_hashes(output: str) -> list[tuple[str, str, str]]:
    """Return path, sha256 and content hash of all shards of a dataset."""
    found = json.loads(storage.read_bytes(storage.join(output, "manifest.json")))
    return [
        (shard["path"], shard["sha256"], shard["content_sha256"])
        for split in found["splits"].values()
        for shard in split["shards"]
    ]
