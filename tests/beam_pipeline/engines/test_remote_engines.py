"""What is said before a job goes to an engine beyond this machine."""

import json
import socket

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.runners.runner import create_runner

from beam_pipeline.engines import remote_engines
from beam_pipeline.engines.remote_engines import await_job_service, check_known_good, check_paths
from transforms.functional.errors import ReviewShardsError, UsageError

HERE = ("--job_endpoint", "localhost:8099")
POOL = ("--environment_type", "EXTERNAL", "--environment_config", "localhost:50000")
PROCESS = ("--environment_type", "PROCESS", "--environment_config", json.dumps({"command": "x"}))


def check(runner: str, arguments: tuple[str, ...], *paths: str) -> None:
    check_paths(runner, create_runner(runner), PipelineOptions(list(arguments)), paths)


@pytest.mark.parametrize(
    ("runner", "arguments"),
    [
        ("PortableRunner", (*HERE, *POOL)),
        ("PortableRunner", ("--job_endpoint=127.0.0.1:8099", *PROCESS)),
        ("PortableRunner", ("--job_endpoint=[::1]:8099", *PROCESS)),
        ("PortableRunner", ("--job_endpoint=far:8099", "--environment_type=LOOPBACK")),
        ("PortableRunner", ("--job_endpoint=embed", *POOL)),
        # They start an engine here, and run the workers in this process.
        ("FlinkRunner", ()),
        ("SparkRunner", ()),
        ("PrismRunner", ()),
    ],
)
def test_workers_of_this_machine_see_its_files(runner: str, arguments: tuple[str, ...]) -> None:
    check(runner, arguments, "/data/reviews", "shards")


@pytest.mark.parametrize(
    ("runner", "arguments"),
    [
        ("PortableRunner", HERE),  # In containers.
        ("PortableRunner", ("--job_endpoint=far:8099", *POOL)),
        ("PortableRunner", (*HERE, *POOL[:3], "far:50000")),
        ("PortableRunner", ("--job_endpoint=localhost.far:8099", *PROCESS)),
        ("PortableRunner", POOL),
        ("FlinkRunner", ("--flink_master=far:8081",)),
        ("FlinkRunner", ("--output_executable_path=job.jar",)),
        ("SparkRunner", ("--spark_master_url=spark://far:7077",)),
    ],
)
def test_a_local_path_is_refused_where_workers_cannot_see_it(
    runner: str, arguments: tuple[str, ...]
) -> None:
    check(runner, arguments, "s3://bucket/reviews", "gs://bucket/shards")
    with pytest.raises(UsageError, match=f"^/data is a path of this machine.*{runner}.*LOOPBACK"):
        check(runner, arguments, "s3://bucket/reviews", "/data")


def test_an_environment_that_beam_does_not_know_is_named() -> None:
    with pytest.raises(UsageError, match=r"--environment_type TENT .*: Unknown environment type"):
        check("PortableRunner", ("--environment_type=TENT",), "/data")


@pytest.mark.parametrize("name", ["DaskRunner", "apache_beam.runners.dask.dask_runner.DaskRunner"])
def test_dask_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(UsageError, match="DaskRunner ignores output tags and gives wrong results"):
        check_known_good(name)


def test_an_engine_for_notebooks_is_refused() -> None:
    with pytest.raises(UsageError, match="InteractiveRunner is for the cells of a notebook"):
        check_known_good("InteractiveRunner")
    check_known_good("FlinkRunner")


def test_a_job_service_that_does_not_answer_is_said_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_engines, "_ANSWER_S", 0.2)
    with socket.create_server(("localhost", 0)) as silent:
        endpoint = f"localhost:{silent.getsockname()[1]}"
        with pytest.raises(ReviewShardsError, match=f"no job service answers .* {endpoint}"):
            await_job_service(PipelineOptions(["--job_endpoint", endpoint]))


def test_a_job_may_take_longer_than_an_answer() -> None:
    options = PipelineOptions([])
    await_job_service(options)

    assert options.view_as(PortableOptions).job_server_timeout > 10**6
