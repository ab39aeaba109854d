"""What an engine needs before anything is written: services that answer, memory for a shuffle."""

from __future__ import annotations

import os

import grpc  # type: ignore[import-untyped]
from apache_beam.options.pipeline_options import PortableOptions

from beam_pipeline.engines.engine import Engine
from beam_pipeline.engines.remote_engines import described_options, engine_address, on_loopback
from transforms.functional.errors import ReviewShardsError, UsageError

# Bytes of memory for a byte of text that is shuffled. The local engine holds copies on their way
# (measured: 8.2 GB for 1 GB of text with two worker processes, 6.1 in one process).
LOCAL_SHUFFLE_FACTOR = 9
# Prism holds them in its own process, and the workers in this one get them in a single bundle
# (measured from 33 to 132 MB of text: 9 bytes a byte there, and 12 here).
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
        raise ReviewShardsError(f"{missing}: start it, or mend the address") from None


def check_shuffle_memory(engine: Engine, text_bytes: int, memory_bytes: int | None = None) -> None:
    """Raise `UsageError` where an engine on this machine has too little memory for a shuffle.

    Args:
        engine: Where the job is to run; clusters shuffle on disk.
        text_bytes: About how much text there is.
        memory_bytes: Memory of the machine; by default that of this one.
    """
    factor = _shuffle_factor(engine)
    memory = memory_bytes or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = factor * text_bytes
    if needed > memory:
        raise UsageError(
            f"--order shuffled holds all reviews in memory on {engine.name}: about "
            f"{needed / 1e9:.1f} GB for {text_bytes / 1e9:.1f} GB of text, this machine has "
            f"{memory / 1e9:.1f} GB: use --order input (training shuffles the blocks), or a "
            f"--runner that shuffles on disk"
        )


def _shuffle_factor(engine: Engine) -> int:
    """Return the bytes of this machine's memory that a byte of shuffled text takes."""
    endpoint = engine.options.view_as(PortableOptions).job_endpoint
    if engine.local or endpoint == "embed":
        return LOCAL_SHUFFLE_FACTOR
    if endpoint:
        # Prism, or Beam's own service in Python.
        in_memory = on_loopback(endpoint) and not described_options(endpoint)
    else:
        in_memory = "prism" in engine.name.lower()
    return PRISM_SHUFFLE_FACTOR if in_memory else 0
