"""Engines beyond this machine: which are refused, and what must be true before a job goes there."""

from __future__ import annotations

from collections.abc import Iterable

import grpc  # type: ignore[import-untyped]
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.runners.runner import PipelineRunner
from apache_beam.transforms.environments import ExternalEnvironment

from transforms import storage
from transforms.functional.errors import ReviewShardsError, UsageError

# By a part of their names.
_REFUSED = {
    "dask": "ignores output tags and gives wrong results",
    "interactive": "is for the cells of a notebook, and stops with an error here",
}

# Beam ends its wait for a job after its time-out for one answer, where the job service gives a
# job its number before the start (Prism, Beam's own in Python): five minutes by default.
_WHOLE_JOB_S = 365 * 24 * 3600
_ANSWER_S = 30


def check_known_good(name: str) -> None:
    """Raise `UsageError` for an engine that is known to give wrong results, or none."""
    for part, reason in _REFUSED.items():
        if part in name.lower():
            raise UsageError(
                f"--runner {name} {reason}: use DirectRunner, FlinkRunner, SparkRunner, "
                f"PrismRunner or DataflowRunner"
            )


def check_paths(
    name: str, runner: PipelineRunner, options: PipelineOptions, paths: Iterable[str]
) -> None:
    """Raise `UsageError` for paths of this machine that the workers of an engine cannot see.

    Workers share this machine's files where they are threads of this process (`LOOPBACK`), or
    where engine and workers are on this machine: `--job_endpoint` is on loopback, and the workers
    are processes (`PROCESS`), or a pool on loopback, too (`EXTERNAL`). Containers (`DOCKER`, Beam's
    default) have files of their own wherever they run.
    """
    local = next((path for path in paths if storage.is_local(path)), None)
    if local is not None and not _shares_files(runner, options):
        raise UsageError(
            f"{local} is a path of this machine, which the workers of {name} cannot see: give a "
            f"URL that they can reach (docs/storage.md), or run the workers here with "
            f"--environment_type LOOPBACK"
        )


def _shares_files(runner: PipelineRunner, options: PipelineOptions) -> bool:
    portable = options.view_as(PortableOptions)
    try:
        environment = runner.default_environment(options)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"--environment_type {portable.environment_type} with --environment_config "
            f"{portable.environment_config}: {' '.join(str(error).split())}"
        ) from None
    urn, _ = environment.to_runner_api_parameter(None)
    if urn == python_urns.EMBEDDED_PYTHON_LOOPBACK:
        return True
    if isinstance(environment, ExternalEnvironment):
        return _on_loopback(portable.job_endpoint) and _on_loopback(environment.url)
    is_process = urn == common_urns.environments.PROCESS.urn
    return is_process and _on_loopback(portable.job_endpoint)


def _on_loopback(address: str | None) -> bool:
    """Return True for `localhost:PORT` and the like, and for `embed`, an engine in this process."""
    host = (address or "").rpartition("//")[2].rpartition(":")[0].strip("[]")
    return address == "embed" or host in ("localhost", "::1") or host.startswith("127.")


def await_job_service(options: PipelineOptions) -> None:
    """Wait for the engine's job service, not longer than half a minute; let jobs take their time.

    Raises:
        ReviewShardsError: nothing answers there.
    """
    portable = options.view_as(PortableOptions)
    endpoint = portable.job_endpoint
    if endpoint and endpoint != "embed":
        try:
            with grpc.insecure_channel(endpoint) as channel:
                grpc.channel_ready_future(channel).result(timeout=_ANSWER_S)
        except grpc.FutureTimeoutError:
            raise ReviewShardsError(
                f"no job service answers at --job_endpoint {endpoint}: start it, or mend the "
                f"address"
            ) from None
    portable.job_server_timeout = max(portable.job_server_timeout, _WHOLE_JOB_S)
