"""A job that is only written down, as a jar: the engine makes the dataset, one command the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.local_engines import LocalEngine, installed
from tests.jobs import SMALL_PARTS, arguments, run
from tests.oracle import Dataset, make
from tests.paths import ROOT


def flink_run(cluster: LocalEngine, jar: Path) -> None:
    """Do what Flink's own `flink run JAR` does."""
    subprocess.run(
        [
            *("java", "--add-opens=java.base/java.lang=ALL-UNNAMED"),
            *("--add-opens=java.base/java.util=ALL-UNNAMED", "-cp"),
            str(installed("flink-cluster", "lib") / "*"),
            *("org.apache.flink.client.cli.CliFrontend", "run"),
            *("-m", f"localhost:{cluster.web_port}", str(jar)),
        ],
        env={**os.environ, "FLINK_CONF_DIR": str(cluster.folder / "flink-conf")},
        check=True,
    )


@pytest.mark.slow
def test_what_flink_makes_of_a_jar_is_completed_by_the_same_command_without_an_engine(
    flink_cluster: LocalEngine,
    workers: LocalEngine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    jar, output = tmp_path / "review-shards.jar", tmp_path / "out"
    job_server = installed("flink-cluster", "job-server.jar")
    written = (
        *("--runner", "FlinkRunner", "--flink_version", "1.19", "--parallelism", "1"),
        *("--flink_job_server_jar", job_server, "--output_executable_path", jar),
        *(*workers.options, "--shared_paths"),
    )
    expected = make(tmp_path / "here", *SMALL_PARTS)

    assert run(output, *SMALL_PARTS, *written) == 0
    assert not (output / "manifest.json").exists()
    flink_run(flink_cluster, jar)
    assert (output / "manifest.json").exists()
    assert run(output, *SMALL_PARTS) == 0

    assert "nothing to do" in capsys.readouterr().out
    check_complete(output, expected)


@pytest.mark.slow
def test_submit_sh_writes_a_jar_runs_it_on_a_cluster_of_spark_and_completes_the_dataset(
    spark_cluster: LocalEngine, workers: LocalEngine, tmp_path: Path
) -> None:
    """The cluster runs it in an executor; its driver is spark-submit's own."""
    output = tmp_path / "out"
    expected = make(tmp_path / "here", *SMALL_PARTS)
    spark = installed("spark-cluster", "bin") / "spark-submit"

    submit = ROOT / "deploy" / "spark" / "submit.sh"
    done = subprocess.run(
        [submit, *arguments(output, *SMALL_PARTS, "--shared_paths")],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": os.pathsep.join([str(spark.parent), os.environ["PATH"]]),
            "PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_MASTER": f"spark://127.0.0.1:{spark_cluster.cluster_port}",
            "SPARK_JOB_SERVER": f"localhost:{spark_cluster.port}",
            "SDK_WORKERS": "2",
            "WORKER_POOL": f"localhost:{workers.port}",
        },
        stdout=subprocess.PIPE,
        text=True,
    )

    assert done.returncode == 0
    assert "Written, not run" in done.stdout
    assert "nothing to do" in done.stdout
    check_complete(output, expected)


def check_complete(output: Path, expected: Dataset) -> None:
    """Check that a dataset has the content of another, and all that a launcher writes beside it."""
    assert Dataset(output).manifest.content_sha256() == expected.manifest.content_sha256()
    names = {path.name for path in output.iterdir()}
    assert {"report.json", "report.html", "config.yaml", "README.md"} <= names
    assert not {"plan", "lease.json"} & names
