"""Stopping a job wherever it runs, on demand or since no retry cures it; what is left to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import requests
from apache_beam.options.pipeline_options import PortableOptions
from apache_beam.runners.runner import PipelineResult

from beam_pipeline.engines.engine import Engine
from beam_pipeline.engines.failures import our_error
from beam_pipeline.engines.flink import FlinkCluster
from beam_pipeline.engines.remote_engines import described_options
from transforms.functional.errors import (
    BadInputError,
    ContractError,
    MissingColumnError,
    ReviewShardsError,
    TokenizerError,
    TooManyRejectedError,
    UsageError,
)

# The others may pass: a store that was away raises `InputError` and `OutputError`.
_FINAL = (
    BadInputError,
    ContractError,
    MissingColumnError,
    TokenizerError,
    TooManyRejectedError,
    UsageError,
)
LOOKS_EVERY_S = 2.0


def stop_job(engine: Engine, result: PipelineResult | None = None) -> str:
    """Stop a job; return what a person has to do, nothing where it is known to have ended.

    Args:
        result: The job as Beam knows it; None where its job service has gone.
    """
    by_hand = _stop_on_cluster(engine, result)
    if result is not None:
        # The same Ctrl-C may have ended the engine; and what Beam asks for may not be there.
        with suppress(Exception):
            result.cancel()
    return by_hand


def _stop_on_cluster(engine: Engine, result: PipelineResult | None) -> str:
    cluster, name = engine.cluster, engine.job_name
    if cluster is None:
        return _unknown_cluster(engine, gone=result is None)
    try:
        if cluster.cancel(name):
            return ""
        why = "it was told to stop and has not yet"
    except requests.RequestException as error:
        why = f"{cluster.address} does not answer: {type(error).__name__}"
    return f"job {name} may still run on Flink ({why}): cancel it on {cluster.address}"


def _unknown_cluster(engine: Engine, *, gone: bool) -> str:
    """Say what is left to do where the job service is all that is known of an engine."""
    name = engine.job_name
    endpoint = engine.options.view_as(PortableOptions).job_endpoint
    if endpoint in (None, "", "embed"):
        return ""
    if gone:
        return (
            f"a cluster behind it may still run job {name}: look at its page, and cancel it there"
        )
    if "flink_master" not in described_options(endpoint):
        return ""
    return (
        f"job {name} may still run, since Flink's job server does not pass this on: cancel it on "
        f"Flink's page; with --flink_master http://HOST:8081 this is done for you"
    )


@contextmanager
def stopping_at_final_errors(cluster: FlinkCluster | None, name: str) -> Iterator[FinalErrors]:
    """Cancel a job of a cluster, while it runs in this block, once it fails for good."""
    found = FinalErrors(cluster, name)
    thread = threading.Thread(target=found.look, name="final_errors", daemon=True)
    if cluster is not None:
        thread.start()
    try:
        yield found
    finally:
        found.ended.set()


@dataclass
class FinalErrors:
    """What makes a job fail for good.

    Attributes:
        cluster: The cluster; None where its address is not known.
        name: The name of the job.
        ended: Set once the job has ended.
        error: What made it fail; None before anything did.
    """

    cluster: FlinkCluster | None
    name: str
    ended: threading.Event = field(default_factory=threading.Event)
    error: ReviewShardsError | None = None

    def look(self) -> None:
        """Look at the attempts of the job until one fails for good, or the job has ended."""
        while self.cluster is not None and not self.ended.wait(LOOKS_EVERY_S):
            # Whatever is wrong with the cluster, the job itself will say.
            with suppress(requests.RequestException):
                errors = map(our_error, self.cluster.failed_attempts(self.name))
                self.error = next((error for error in errors if isinstance(error, _FINAL)), None)
                if self.error is not None:
                    self.cluster.cancel(self.name)
                    return
