"""What an engine needs before anything is written: services that answer, room for a shuffle."""

from __future__ import annotations

import os
import shutil

import grpc  # type: ignore[import-untyped]
from apache_beam.options.pipeline_options import PortableOptions

from beam_pipeline.engines.engine import Engine
from beam_pipeline.engines.remote_engines import described_options, engine_address, on_loopback
from transforms.functional.errors import ReviewShardsError, UsageError
from transforms.storage.scratch import scratch_parent

# Bytes of memory for a byte of text that is shuffled, where an engine on this machine holds it all:
# the local engine behind Beam's own job service, and Prism, whose workers in this process get what
# waits in a single bundle. Measured before what is shuffled was compressed, so they are bounds.
EMBEDDED_SHUFFLE_FACTOR = 9
PRISM_SHUFFLE_FACTOR = 21

# Beam ends its wait for a job after its time-out for one answer, where the job service gives a
# job its number before the start (Prism, Beam's own in Python): five minutes by default.
_WHOLE_JOB_S = 365 * 24 * 3600
_ANSWER_S = 30


def await_services(engine: Engine) -> None:
    """Wait for the services that a job needs, not longer than half a minute each.

    The job service is asked; so is a pool of workers on loopback where the engine is on this
    machine. On a cluster the pool's address means another machine. Jobs may take their time.

    Raises:
        ReviewShardsError: nothing answers there.
    """
    portable = engine.options.view_as(PortableOptions)
    endpoint, pool = portable.job_endpoint, str(portable.environment_config)
    if endpoint and endpoint != "embed":
        _await(endpoint, f"no job service answers at --job_endpoint {endpoint}")
    here = on_loopback(engine_address(engine.runner, engine.options))
    if portable.environment_type == "EXTERNAL" and here and on_loopback(pool):
        _await(pool, f"no pool of workers answers at --environment_config {pool}")
    portable.job_server_timeout = max(portable.job_server_timeout, _WHOLE_JOB_S)


def _await(address: str, missing: str) -> None:
    """Wait for a gRPC server; raise `ReviewShardsError` with what is missing if none answers."""
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=_ANSWER_S)
    except grpc.FutureTimeoutError:
        raise ReviewShardsError(f"{missing}: start it, or correct the address") from None


def check_shuffle_room(engine: Engine, text_bytes: int) -> None:
    """Raise `UsageError` where this machine lacks room for a shuffle; clusters have their own."""
    if engine.local:
        _check_disk(text_bytes)
    else:
        _check_memory(engine, text_bytes)


def _check_disk(text_bytes: int) -> None:
    """Check the disk, where the local engine keeps what it shuffles as it is."""
    folder = scratch_parent()
    free = shutil.disk_usage(folder).free
    if text_bytes > free:
        raise UsageError(
            f"--order shuffled keeps all reviews in scratch files: about {text_bytes / 1e9:.1f} "
            f"GB, but {free / 1e9:.1f} GB are free in {folder}: set TMPDIR to a folder with more "
            f"room, or use --order input (training shuffles the blocks)"
        )


def _check_memory(engine: Engine, text_bytes: int) -> None:
    memory = memory_bytes()
    needed = _shuffle_factor(engine) * text_bytes
    if needed > memory:
        raise UsageError(
            f"--order shuffled holds all reviews in memory on {engine.name}: about "
            f"{needed / 1e9:.1f} GB for {text_bytes / 1e9:.1f} GB of text, this machine has "
            f"{memory / 1e9:.1f} GB: leave --runner out, as the local engine shuffles on disk, or "
            f"use --order input (training shuffles the blocks)"
        )


def memory_bytes() -> int:
    """Return the memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _shuffle_factor(engine: Engine) -> int:
    """Return the bytes of this machine's memory that a byte of shuffled text takes."""
    endpoint = engine.options.view_as(PortableOptions).job_endpoint
    if endpoint == "embed":
        return EMBEDDED_SHUFFLE_FACTOR
    if endpoint:
        # Prism, or Beam's own service in Python.
        in_memory = on_loopback(endpoint) and not described_options(endpoint)
    else:
        in_memory = "prism" in engine.name.lower()
    return PRISM_SHUFFLE_FACTOR if in_memory else 0
