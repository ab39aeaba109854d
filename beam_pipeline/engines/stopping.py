"""Stopping a job wherever it runs, and saying what is left to do by hand."""

from __future__ import annotations

from contextlib import suppress

import requests
from apache_beam.options.pipeline_options import PortableOptions
from apache_beam.runners.runner import PipelineResult

from beam_pipeline.engines.engine import Engine
from beam_pipeline.engines.remote_engines import described_options


def stop_job(engine: Engine, result: PipelineResult | None = None) -> str:
    """Stop a job; return what a person has to do, nothing where it is known to have ended.

    Args:
        engine: Where it runs.
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
