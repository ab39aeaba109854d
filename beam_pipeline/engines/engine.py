"""Which engine runs the pipeline: Beam's runners by name, one machine's cores by default."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import (
    ExtendedProvisionInfo,
    FnApiRunner,
)
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import PipelineResult, PipelineRunner, create_runner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from beam_pipeline.engines.flink import FlinkCluster
from beam_pipeline.engines.overrides import (  # noqa: F401 - they replace Beam's own
    job_servers,
    loopback_workers,
    watched_workers,
)
from beam_pipeline.engines.overrides.cached_options import CachedOptions
from beam_pipeline.engines.remote_engines import (
    check_known_good,
    check_paths,
    leave_out_package_list,
)
from transforms.functional.errors import UsageError

# Up to here one process is as fast as several: they take a second and a half to start, and each
# has to learn the words again (measured on two cores: 66 MB took 2.6 s of CPU in one, 5.1 in two).
SMALL_TEXT_BYTES = 100_000_000

# Beam's names for running on this machine, which it takes in any case, and without `Runner`.
_LOCAL_NAMES = ("direct", "switchingdirect", "bundlebaseddirect", "testdirect", "fnapi")


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A runner and its options.

    Attributes:
        runner: Beam's runner.
        options: Beam's options.
        name: What the summary calls it.
        local: True where it runs on this machine.
        threads: Threads for one part: those cores of this machine that no other worker uses.
        writes_to: Where the job is written down instead of being run: a template of Dataflow, or
            an executable jar.
        job_name: What the engine's page calls the job.
        cluster: The Flink cluster that runs it, where its address is known.
    """

    runner: PipelineRunner
    options: PipelineOptions
    name: str
    local: bool
    threads: int = 1
    writes_to: str | None = None
    job_name: str = ""
    cluster: FlinkCluster | None = None

    @property
    def address(self) -> str:
        """The engine with its address, for messages."""
        endpoint = self.options.view_as(PortableOptions).job_endpoint
        if endpoint and endpoint != "embed":
            return f"the engine at {endpoint}"
        return f"the engine at {self.cluster.address}" if self.cluster else "the engine"


def n_cores() -> int:
    """Return the cores that this process may run on, all of the machine where nobody can tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_engine(
    arguments: Sequence[str],
    text_bytes: int,
    n_splits: int,
    *,
    paths: Sequence[str] = (),
    debug: bool = False,
) -> Engine:
    """Return the runner that Beam's options name; without one, this machine's cores.

    Locally, an input of more than `SMALL_TEXT_BYTES` gets a process for each core, unless
    `--direct_num_workers` or `--direct_running_mode` say otherwise.

    Args:
        arguments: Beam's options, as on the command line.
        text_bytes: About how much text there is.
        n_splits: Number of splits; more workers would have nothing to do.
        paths: What the workers read and write.
        debug: Let worker processes print what they log.

    Raises:
        UsageError: the runner is unknown, known to give wrong results, or cannot see the paths.
    """
    options = CachedOptions(list(arguments))
    name = options.view_as(StandardOptions).runner
    if (name or "DirectRunner").lower().removesuffix("runner") in _LOCAL_NAMES:
        return _local_engine(options, arguments, text_bytes, n_splits, debug)
    return _remote_engine(name, options, paths)


def _remote_engine(name: str, options: PipelineOptions, paths: Sequence[str]) -> Engine:
    check_known_good(name)
    try:
        runner = create_runner(name)
    except (ValueError, ImportError) as error:
        raise UsageError(
            f"--runner {name} cannot be had: {' '.join(str(error).split())}"
        ) from error
    leave_out_package_list(runner, options)
    check_paths(name, runner, options, paths)
    google = options.view_as(GoogleCloudOptions)
    # One that no other job has unless the user chose it.
    google.job_name = google.job_name or f"review-shards-{secrets.token_hex(4)}"
    return Engine(
        runner=runner,
        options=options,
        name=name,
        local=False,
        writes_to=google.template_location
        or options.view_as(PortableOptions).output_executable_path,
        job_name=str(google.job_name),
        cluster=FlinkCluster.of(options),
    )


def _local_engine(
    options: PipelineOptions, arguments: Sequence[str], text_bytes: int, n_splits: int, debug: bool
) -> Engine:
    """Return Beam's in-process runner, which `DirectRunner` comes down to.

    `DirectRunner` itself first tries to download another engine, Prism.
    """
    direct = options.view_as(DirectOptions)
    mode, n_workers = direct.direct_running_mode, direct.direct_num_workers
    if n_workers < 0:
        raise UsageError(
            f"--direct_num_workers must be at least 0 (0: one for each core), got {n_workers}"
        )
    cores = n_cores()
    if not any(argument.startswith("--direct_") for argument in arguments):
        n_workers = min(cores, n_splits) if text_bytes > SMALL_TEXT_BYTES else 1
    elif n_workers == 0:
        n_workers = cores
    if mode == "in_memory" and n_workers > 1:
        mode = "multi_processing"
    direct.direct_num_workers = n_workers
    threads = max(1, cores // n_workers)
    make = partial(Engine, options=options, local=True, threads=threads)
    if mode != "multi_processing":
        return make(runner=FnApiRunner(), name="local, in this process")
    # Given as an environment, not as a mode: so the workers are ours, which are quiet.
    direct.direct_running_mode = None
    worker = f"-m beam_pipeline.engines.overrides.local_worker{' --debug' if debug else ''}"
    # exec: else the shell that Beam puts between outlives this process, and the worker with it.
    environment = SubprocessSDKEnvironment.from_command_string(
        f"exec {shlex.quote(sys.executable)} {worker}"
    )
    # What workers are told at their start: the options of the job.
    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    told = ExtendedProvisionInfo(beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded))
    runner = FnApiRunner(environment, provision_info=told)
    name = f"local, {n_workers} worker {'process' if n_workers == 1 else 'processes'}"
    return make(runner=runner, name=name)


def counter_value(result: PipelineResult, name: str) -> int:
    """Return one of our counters, for people to read: a runner may count a retry twice."""
    found = result.metrics().query(MetricsFilter().with_name(name))["counters"]
    # None is Beam's word for a committed 0 on runners that report no attempts.
    return sum(counter.result or 0 for counter in found)
