"""What is said before a job goes to an engine beyond this machine."""

import json

import pytest
from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions
from apache_beam.runners.runner import create_runner

from beam_pipeline.engines.remote_engines import (
    check_known_good,
    check_paths,
    leave_out_package_list,
)
from transforms.functional.errors import UsageError

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
        ("PrismRunner", POOL),
        ("FlinkRunner", ("--flink_master=localhost:8081", *POOL)),
        ("FlinkRunner", ("--flink_master=http://127.0.0.1:8081", "--flink_submit_uber_jar", *POOL)),
        ("SparkRunner", ("--spark_master_url=local[2]", *POOL)),
        ("SparkRunner", ("--spark_master_url=spark://localhost:7077", *POOL)),
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
        ("FlinkRunner", ("--flink_master=far:8081", *POOL)),
        ("FlinkRunner", ("--output_executable_path=job.jar",)),
        ("FlinkRunner", ("--output_executable_path=job.jar", *POOL)),
        ("PortableRunner", (*HERE, "--output_executable_path=job.jar", *POOL)),
        ("SparkRunner", ("--spark_master_url=spark://far:7077",)),
    ],
)
def test_a_local_path_is_refused_where_workers_cannot_see_it(
    runner: str, arguments: tuple[str, ...]
) -> None:
    check(runner, arguments, "s3://bucket/reviews", "gs://bucket/shards")
    with pytest.raises(UsageError, match=f"^/data is a path of this machine.*{runner}.*LOOPBACK"):
        check(runner, arguments, "s3://bucket/reviews", "/data")


@pytest.mark.parametrize(
    ("arguments", "left_out"),
    [
        (("--job_endpoint=far:8099", "--environment_type=LOOPBACK"), True),
        ((*HERE, *POOL), True),
        (("--job_endpoint=far:8099", *POOL), False),
        (HERE, False),  # In containers, whose logs name packages that differ.
    ],
)
def test_no_packages_are_listed_for_workers_of_this_machine(
    arguments: tuple[str, ...], left_out: bool
) -> None:
    options = PipelineOptions(list(arguments))

    leave_out_package_list(create_runner("PortableRunner"), options)

    experiments = options.view_as(DebugOptions).experiments or []
    assert ("disable_logging_submission_environment" in experiments) is left_out


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
