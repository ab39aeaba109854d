"""Engines beyond this machine: which are refused, and what must be true before a job goes there."""

from __future__ import annotations

from collections.abc import Iterable

import grpc  # type: ignore[import-untyped]
from apache_beam.options.pipeline_options import (
    DebugOptions,
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    SparkRunnerOptions,
)
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from apache_beam.runners.portability.flink_runner import MAGIC_HOST_NAMES, FlinkRunner
from apache_beam.runners.portability.prism_runner import PrismRunner
from apache_beam.runners.portability.spark_runner import SparkRunner
from apache_beam.runners.runner import PipelineRunner
from apache_beam.transforms.environments import ExternalEnvironment

from transforms import storage
from transforms.functional.errors import UsageError

# By a part of their names.
_REFUSED = {
    "dask": "ignores output tags and gives wrong results",
    "interactive": "is for the cells of a notebook, and stops with an error here",
}

_ANSWER_S = 30

# Beam's own: do not stage what `pip freeze` says of the launcher.
_NO_PACKAGE_LIST = "disable_logging_submission_environment"


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
    where engine and workers are on this machine: the job service, or the master that the runner
    asks, is on loopback, and the workers are processes (`PROCESS`), or a pool on loopback, too
    (`EXTERNAL`). Containers (`DOCKER`, Beam's default) have files of their own wherever they run.
    """
    local = next((path for path in paths if storage.is_local(path)), None)
    if local is not None and not _shares_files(runner, options):
        raise UsageError(
            f"{local} is a path of this machine, which the workers of {name} cannot see: give a "
            f"URL that they can reach (docs/storage.md), run the workers here with "
            f"--environment_type LOOPBACK, or say --shared_paths where it is a disk that they share"
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
    here = on_loopback(engine_address(runner, options))
    if isinstance(environment, ExternalEnvironment):
        return here and on_loopback(environment.url)
    return here and urn == common_urns.environments.PROCESS.urn


def leave_out_package_list(runner: PipelineRunner, options: PipelineOptions) -> None:
    """Leave the list of this machine's packages out of a job whose workers are here, too.

    Beam has pip make it whenever it looks at the environment of the workers, twice a job and for a
    second each. Containers compare it with their own packages, in their logs.
    """
    portable = options.view_as(PortableOptions)
    kind, config = portable.environment_type, str(portable.environment_config)
    here = on_loopback(engine_address(runner, options))
    if kind == "LOOPBACK" or (here and kind == "EXTERNAL" and on_loopback(config)):
        options.view_as(DebugOptions).add_experiment(_NO_PACKAGE_LIST)


def engine_address(runner: PipelineRunner, options: PipelineOptions) -> str | None:
    """Return where the engine is: its job service, or else the master that the runner asks."""
    portable = options.view_as(PortableOptions)
    if portable.output_executable_path:
        # What a jar is submitted to is not known yet, whoever writes it.
        return ""
    if portable.job_endpoint:
        return str(portable.job_endpoint)
    if isinstance(runner, PrismRunner):
        return "embed"
    if isinstance(runner, FlinkRunner):
        master = str(options.view_as(FlinkRunnerOptions).flink_master)
        return "embed" if master in MAGIC_HOST_NAMES else master
    if isinstance(runner, SparkRunner):
        master = str(options.view_as(SparkRunnerOptions).spark_master_url)
        return "embed" if master.startswith("local") else master
    return None


def on_loopback(address: str | None) -> bool:
    """Return True for `localhost:PORT` and the like, and for `embed`, an engine in this process."""
    host = (address or "").rpartition("//")[2].rpartition(":")[0].strip("[]")
    return address == "embed" or host in ("localhost", "::1") or host.startswith("127.")


def described_options(endpoint: str) -> frozenset[str]:
    """Return the names of the options that a job service knows itself.

    Beam's job servers in Java name those of their engine; Prism and Beam's service in Python name
    none. So does one that does not answer.
    """
    request = beam_job_api_pb2.DescribePipelineOptionsRequest()
    try:
        with grpc.insecure_channel(endpoint) as channel:
            service = beam_job_api_pb2_grpc.JobServiceStub(channel)
            answer = service.DescribePipelineOptions(request, timeout=_ANSWER_S)
    except grpc.RpcError:
        return frozenset()
    return frozenset(option.name for option in answer.options)
