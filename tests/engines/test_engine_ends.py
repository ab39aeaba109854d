"""Jobs on real engines that are interrupted, or lose a part of the engine in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.beam_pipeline.jobs import arguments, run
from tests.engines.local_engines import LocalEngine, installed, local_engine
from tests.engines.long_jobs import LONG, has_shards
from tests.engines.services import WORKER, children
from tests.oracle import Dataset
from tests.paths import ROOT
from tests.waiting import is_alive, wait_for

AGAIN = "run the same command again, which keeps the finished shards"
ENDS_IN_S = 300


def disturbed(
    output: Path, reviews: Path, options: tuple[str, ...], disturb: Callable[[int], None]
) -> tuple[int, str]:
    """Run a job, do something to it when it has written some shards; return its code and stderr."""
    job = subprocess.Popen(
        [
            *(sys.executable, "-m", "beam_pipeline"),
            *arguments(output, *LONG, "--quiet", *options, reviews=reviews),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for("shard", lambda: job.poll() is not None or has_shards(output))
        if job.poll() is None:
            disturb(job.pid)
        _, printed = job.communicate(timeout=ENDS_IN_S)
    finally:
        job.kill()
    # What the job had started ended with it.
    wait_for("end of all processes", lambda: not is_alive(job.pid), 30)
    assert not (output / "lease.json").exists()
    assert not (output / "plan").exists()
    return job.returncode, printed


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


def check_hung_up(engine: LocalEngine, code: int, printed: str) -> None:
    """Check that a job whose engine was killed has said so in one line, with the cure."""
    assert code == 1
    assert len(printed.splitlines()) == 1
    assert f"error: the engine at localhost:{engine.port} hung up" in printed
    assert AGAIN in printed


def is_whole(output: Path, undisturbed: str) -> bool:
    """Return True for the dataset that comes out undisturbed, of which each review was measured."""
    manifest = Dataset(output).manifest
    reviews = manifest.ledger.reviews
    measured = json.loads((output / "report.json").read_text())["measured"]["reviews"]
    assert measured == reviews.written + reviews.dropped
    assert not list(output.glob("manifests/*-parts"))
    return manifest.content_sha256() == undisturbed


def goes_on(output: Path, reviews: Path, undisturbed: str) -> None:
    """Run the job again, here, and compare what comes out with the job that nothing happened to."""
    assert not (output / "manifest.json").exists()
    assert run(output, *LONG, reviews=reviews) == 0
    assert Dataset(output).manifest.content_sha256() == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_prism_that_the_job_has_started_ends_with_it(
    reviews: Path, undisturbed: str, tmp_path: Path, sent: signal.Signals
) -> None:
    prism = str(installed("prism") / "prism")
    options = ("--runner", "PrismRunner", "--prism_location", prism)

    code, printed = disturbed(tmp_path, reviews, options, lambda job: os.kill(job, sent))

    assert (code, printed) == (
        130,
        "interrupted: the same command goes on from here, and keeps the shards that are finished\n",
    )
    goes_on(tmp_path, reviews, undisturbed)


@pytest.mark.slow
def test_a_worker_of_prism_killed(
    prism: LocalEngine, reviews: Path, undisturbed: str, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with local_engine("workers", tmp_path / "workers") as workers:
        pool = workers.process("workers")
        code, printed = disturbed(
            output,
            reviews,
            (*prism.options, *workers.options),
            lambda _: kill(children(pool, WORKER)[0]),
        )

    assert code == 1
    assert len(printed.splitlines()) == 1
    assert printed.startswith("error: a worker process ended in the middle of its work")
    assert AGAIN in printed
    goes_on(output, reviews, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "process"),
    [("prism", "prism"), ("flink", "flink-job-server"), ("spark", "spark-job-server")],
)
def test_an_engine_of_one_process_killed(
    reviews: Path, undisturbed: str, tmp_path: Path, name: str, process: str
) -> None:
    with local_engine(name, tmp_path / name, SLOTS="2") as engine:
        output = tmp_path / "out"
        code, printed = disturbed(
            output, reviews, engine.options, lambda _: kill(engine.process(process))
        )

    check_hung_up(engine, code, printed)
    goes_on(output, reviews, undisturbed)


@pytest.mark.slow
def test_an_interrupt_with_flink_inside_its_job_server(
    flink: LocalEngine, reviews: Path, undisturbed: str, tmp_path: Path
) -> None:
    """The workers end with the launcher; what its job server does not pass on is said."""
    options = (*flink.options, "--job_name", "embedded")

    code, printed = disturbed(tmp_path, reviews, options, lambda job: os.kill(job, signal.SIGINT))

    assert code == 130
    assert len(printed.splitlines()) == 1
    assert printed.startswith("interrupted")
    assert "job embedded may still run" in printed
    goes_on(tmp_path, reviews, undisturbed)


# --- a Flink cluster: a job manager and two task managers, with a slot each ---


def job_on(cluster: LocalEngine, name: str) -> dict[str, Any]:
    page = f"http://localhost:{cluster.web_port}/jobs"
    jobs = requests.get(f"{page}/overview", timeout=30).json()["jobs"]
    (found,) = (job for job in jobs if job["name"] == name)
    job: dict[str, Any] = requests.get(f"{page}/{found['jid']}", timeout=30).json()
    # What the cluster says of a single job may be three seconds old.
    return {**job, "state": found["state"]}


def on_cluster(cluster: LocalEngine, name: str, *workers: str) -> tuple[str, ...]:
    """Return the options of a job whose page the job knows, over both task managers."""
    known = ("--flink_master", f"localhost:{cluster.web_port}", "--job_name", name)
    return (*cluster.options, *workers, *known, "--parallelism", "2")


@pytest.mark.slow
def test_work_is_spread_over_both_task_managers(
    flink_cluster: LocalEngine, reviews: Path, undisturbed: str, tmp_path: Path
) -> None:
    options = on_cluster(flink_cluster, "spread")

    assert disturbed(tmp_path, reviews, options, lambda _: None) == (0, "")
    assert Dataset(tmp_path).manifest.content_sha256() == undisturbed
    job = job_on(flink_cluster, "spread")
    (reading,) = (step["id"] for step in job["vertices"] if "ReadCleanReviews" in step["name"])
    page = f"http://localhost:{flink_cluster.web_port}/jobs/{job['jid']}/vertices/{reading}"
    tasks = requests.get(page, timeout=30).json()["subtasks"]
    read = [task["metrics"]["read-records"] for task in tasks]
    assert len(read) == 2
    assert min(read) > 0.2 * sum(read)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["job server", "uber jar"])
def test_an_interrupt_stops_the_job_on_the_cluster(
    flink_cluster: LocalEngine,
    workers: LocalEngine,
    reviews: Path,
    undisturbed: str,
    tmp_path: Path,
    how: str,
) -> None:
    name = f"interrupted by {how}".replace(" ", "-")
    options = on_cluster(flink_cluster, name, *workers.options)
    if how == "uber jar":
        jar = str(installed("flink-cluster", "job-server.jar"))
        options = (
            *options[len(flink_cluster.options) :],
            *("--runner", "FlinkRunner", "--flink_submit_uber_jar", "--flink_version", "1.19"),
            *("--flink_job_server_jar", jar),
        )

    code, printed = disturbed(tmp_path, reviews, options, lambda job: os.kill(job, signal.SIGINT))

    assert job_on(flink_cluster, name)["state"] == "CANCELED"
    assert (code, printed) == (
        130,
        "interrupted: the same command goes on from here, and keeps the shards that are finished\n",
    )
    goes_on(tmp_path, reviews, undisturbed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_no_retry_mends_is_tried_once(flink_cluster: LocalEngine, tmp_path: Path) -> None:
    options = (*on_cluster(flink_cluster, "rejected"), "--max_rejected_fraction", "0.001")

    assert run(tmp_path, *options) == 3

    # Flink's page is some seconds old.
    wait_for("end", lambda: job_on(flink_cluster, "rejected")["state"] == "CANCELED", 30)
    job = job_on(flink_cluster, "rejected")["jid"]
    page = f"http://localhost:{flink_cluster.web_port}/jobs/{job}/exceptions"
    failed = requests.get(page, timeout=30).json()["exceptionHistory"]["entries"]
    assert len(failed) == 1


@pytest.mark.slow
def test_a_lost_worker_is_replaced(
    flink_cluster: LocalEngine,
    workers: LocalEngine,
    reviews: Path,
    undisturbed: str,
    tmp_path: Path,
) -> None:
    """The cluster starts the lost work again by itself."""
    options = on_cluster(flink_cluster, "lost-worker", *workers.options)
    pool = workers.process("workers")

    code, printed = disturbed(tmp_path, reviews, options, lambda _: kill(children(pool, WORKER)[0]))

    assert (code, printed) == (0, "")
    assert is_whole(tmp_path, undisturbed)


@pytest.mark.slow
def test_the_job_of_a_killed_job_server_is_stopped(
    flink_cluster: LocalEngine,
    workers: LocalEngine,
    reviews: Path,
    undisturbed: str,
    tmp_path: Path,
) -> None:
    name = "of-a-killed-server"
    options = on_cluster(flink_cluster, name, *workers.options)

    code, printed = disturbed(
        tmp_path, reviews, options, lambda _: kill(flink_cluster.process("flink-job-server"))
    )

    assert job_on(flink_cluster, name)["state"] == "CANCELED"
    check_hung_up(flink_cluster, code, printed)
    goes_on(tmp_path, reviews, undisturbed)


@pytest.mark.slow
def test_a_lost_task_manager_is_replaced(reviews: Path, undisturbed: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with local_engine("flink-cluster", tmp_path / "cluster") as cluster:
        options = (*on_cluster(cluster, "lost-task-manager"), "--parallelism", "1")

        def disturb(_: int) -> None:
            job = job_on(cluster, "lost-task-manager")["jid"]
            managers = ("flink-task-manager-1", "flink-task-manager-2")
            (busy,) = (name for name in managers if job in cluster.log(name))
            kill(cluster.process(busy))

        code, printed = disturbed(output, reviews, options, disturb)

    assert (code, printed) == (0, "")
    assert is_whole(output, undisturbed)
