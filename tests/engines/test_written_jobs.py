"""A job that is only written down, as a jar: the engine makes the dataset, one command the rest."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.engines.local_engines import LocalEngine, installed
from tests.jobs import SMALL_PARTS, run
from tests.oracle import Dataset, make


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
    assert Dataset(output).manifest.content_sha256() == expected.manifest.content_sha256()
    names = {path.name for path in output.iterdir()}
    assert {"report.json", "report.html", "config.yaml", "README.md"} <= names
    assert not {"plan", "lease.json"} & names
