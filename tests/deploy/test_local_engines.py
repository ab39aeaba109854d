"""deploy/local on stand-ins for go, mvn, pip and java: installed, started, awaited and stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY
from tests.deploy.stubs import Stubs

_ENGINES = DEPLOY / "local" / "engines.sh"
# A server that listens where the real one does, and leaves a child behind unless it is ended too.
_SERVER = """#!/usr/bin/env bash
echo "started with $*"
sleep 600 &
exec {python} -c '
import socket, time
with socket.create_server(("127.0.0.1", {port})):
    time.sleep(600)
'
"""
_GO = """
printf '%s\\n' "${@: -1}" >"$GOBIN/asked"
cp "$HOME/server" "$GOBIN/$(basename "${2%@*}")"
"""
_MVN = """
for option; do
  case $option in -Djob.server.folder=*) folder=${option#*=} ;; esac
done
mkdir -p "$folder/classes/org"
touch "$folder/job-server.jar" "$folder/original-job-server.jar"
"""


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _await_end_of(group: int) -> None:
    """Wait until no process of a group runs; one that ended and that nobody asked about is none."""
    end = time.monotonic() + 20
    while True:
        states = subprocess.run(
            ["ps", "-o", "stat=", "-g", str(group)], capture_output=True, text=True
        )
        running = [state for state in states.stdout.split() if not state.startswith("Z")]
        if not running:
            return
        assert time.monotonic() < end, running
        time.sleep(0.1)


class Machine:
    """Stubs of the programs that install, a port, and a folder for the engines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stubs = Stubs(folder)
        self.stubs.add("go", _GO)
        self.stubs.add("mvn", _MVN)
        self.port = _free_port()
        self.engines = folder / "engines"
        self.be_server(_SERVER.format(python=sys.executable, port=self.port))

    def be_server(self, script: str) -> None:
        """Let every program that `go install` installs be this script."""
        program = self.folder / "server"
        program.write_text(script)
        program.chmod(0o755)

    def run(self, action: str, *engines: str) -> subprocess.CompletedProcess[str]:
        with (self.folder / "out").open("w+") as out:
            # A file, not a pipe: what was started would keep a pipe open.
            done = subprocess.run(
                [_ENGINES, action, *engines],
                env={
                    "PATH": f"{self.folder}/stubs:{os.environ['PATH']}",
                    "HOME": str(self.folder),
                    "ENGINES_FOLDER": str(self.engines),
                    "PORT": str(self.port),
                    "START_SECONDS": "60",
                },
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=150,
            )
            out.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), "")

    def group(self, name: str) -> int:
        """Return the process group of a process that runs."""
        return int((self.engines / "run" / f"{name}.pid").read_text().split()[0])


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    try:
        yield made
    finally:
        made.run("stop", "prism", "flink-cluster", "versitygw")


@contextmanager
def _listening(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def test_what_is_not_installed_is_said_with_the_command_that_installs_it(machine: Machine) -> None:
    missing = machine.run("start", "flink")
    assert (missing.returncode, missing.stdout) == (
        1, "error: flink is not installed: run deploy/local/engines.sh install flink\n",
    )  # fmt: skip


def test_an_engine_is_installed_once_in_its_version(machine: Machine) -> None:
    first = machine.run("install", "prism", "versitygw")
    assert first.stdout.splitlines() == ["installing prism-2.77.0", "installing versitygw-1.8.0"]
    asked = (machine.engines / "prism-2.77.0" / "asked").read_text()
    assert asked == "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0\n"
    assert machine.run("install", "prism", "versitygw").stdout == ""
    assert len(machine.stubs.calls()) == 2


def test_of_a_job_server_only_its_jar_stays(machine: Machine) -> None:
    (machine.engines / "flink-1.19.3").mkdir(parents=True)
    assert machine.run("install", "flink-cluster").returncode == 0
    (call,) = machine.stubs.calls()
    assert {"package", "-Dbeam.version=2.62.0", "-Dflink.minor=1.19"} <= set(call.arguments)
    made = machine.engines / "flink-1.19-job-server-2.62.0"
    assert [path.name for path in made.iterdir()] == ["job-server.jar"]


def test_half_an_installation_is_none(machine: Machine) -> None:
    machine.stubs.add("go", "touch $GOBIN/half; exit 1")
    assert machine.run("install", "prism").returncode == 1
    assert "prism is not installed" in machine.run("start", "prism").stdout
    machine.stubs.add("go", _GO)
    assert machine.run("install", "prism").returncode == 0
    assert not (machine.engines / "prism-2.77.0" / "half").exists()


def test_prism_is_started_awaited_and_stopped(machine: Machine) -> None:
    machine.run("install", "prism")
    assert machine.run("status", "prism").stdout == "prism does not run\n"
    started = machine.run("start", "prism")
    assert started.returncode == 0, started.stdout
    assert f"--job_endpoint localhost:{machine.port}" in started.stdout
    assert _answers(machine.port)
    assert machine.run("status", "prism").stdout == "prism runs\n"
    log = (machine.engines / "run" / "prism.log").read_text()
    assert log == f"started with --job_port={machine.port} --serve_http=false\n"
    again = machine.run("start", "prism")
    assert (again.returncode, again.stdout) == (
        1, "error: prism runs already: stop prism first\n",
    )  # fmt: skip
    group = machine.group("prism")
    assert machine.run("stop", "prism").returncode == 0
    assert not _answers(machine.port)
    _await_end_of(group)
    assert machine.run("stop", "prism").returncode == 0


def test_a_port_that_another_server_holds_is_said(machine: Machine) -> None:
    machine.run("install", "prism")
    with _listening(machine.port):
        refused = machine.run("start", "prism")
    assert (refused.returncode, refused.stdout) == (
        1,
        f"error: something answers on port {machine.port} already: stop it, or choose another "
        f"PORT\n",
    )


def test_a_server_that_does_not_come_up_is_said_with_its_last_words(machine: Machine) -> None:
    machine.be_server("#!/usr/bin/env bash\necho 'no such option' >&2\nexit 3\n")
    machine.run("install", "prism")
    failed = machine.run("start", "prism")
    assert failed.returncode == 1
    assert f"no such option\nerror: prism did not come up on port {machine.port}" in failed.stdout
    assert machine.run("status", "prism").stdout == "prism does not run\n"


def test_half_a_cluster_is_none(machine: Machine) -> None:
    (machine.engines / "flink-1.19.3").mkdir(parents=True)
    machine.stubs.add("java", "exec sleep 600")
    machine.run("install", "flink-cluster")
    machine.stubs.add("java", 'case "$*" in *JobServerDriver*) echo gone; exit 1 ;; esac; sleep 60')
    failed = machine.run("start", "flink-cluster")
    assert failed.returncode == 1
    assert "gone\nerror: flink-job-server did not come up" in failed.stdout
    status = machine.run("status", "flink-cluster").stdout.splitlines()
    assert status == [
        f"{name} does not run"
        for name in (
            "flink-job-manager",
            "flink-task-manager-1",
            "flink-task-manager-2",
            "flink-job-server",
        )
    ]


def test_the_store_gets_a_password_of_its_own_that_only_its_owner_reads(machine: Machine) -> None:
    machine.run("install", "versitygw")
    started = machine.run("start", "versitygw")
    assert started.returncode == 0, started.stdout
    variables = machine.engines / "run" / "versitygw.env"
    assert started.stdout.endswith(f"source {variables}\n")
    assert variables.stat().st_mode & 0o077 == 0
    words = dict(word.partition("=")[::2] for word in variables.read_text().split()[1:])
    assert words["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{machine.port}"
    assert len(words["AWS_SECRET_ACCESS_KEY"]) == 32
    log = (machine.engines / "run" / "versitygw.log").read_text()
    assert words["AWS_SECRET_ACCESS_KEY"] not in log
    machine.run("stop", "versitygw")
    assert machine.run("start", "versitygw").returncode == 0
    assert words["AWS_SECRET_ACCESS_KEY"] in variables.read_text()


def test_a_store_that_starts_on_another_port_names_that_one(machine: Machine) -> None:
    variables = machine.engines / "run" / "versitygw.env"
    machine.run("install", "versitygw")
    machine.run("start", "versitygw")
    machine.run("stop", "versitygw")
    machine.port = _free_port()
    program = machine.engines / "versitygw-1.8.0" / "versitygw"
    program.write_text(_SERVER.format(python=sys.executable, port=machine.port))

    assert machine.run("start", "versitygw").returncode == 0
    assert f"AWS_ENDPOINT_URL=http://127.0.0.1:{machine.port} " in variables.read_text()


def test_a_number_that_another_process_has_by_now_is_not_stopped(machine: Machine) -> None:
    run = machine.engines / "run"
    run.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        (run / "prism.pid").write_text(f"{other.pid} 1\n")
        assert machine.run("stop", "prism").returncode == 0
        assert other.poll() is None
        other.kill()


def test_versions_of_what_belongs_together_go_together() -> None:
    """Prism is of the Beam that the job uses."""
    install = (DEPLOY / "local" / "install.sh").read_text()
    setup = (DEPLOY.parent / "setup.py").read_text()
    prism = install.partition("PRISM_VERSION:-")[2].partition("}")[0]
    assert f"=={prism}" in setup or f"=={prism}" in (DEPLOY.parent / "constraints.txt").read_text()
    # No registry is named: go, mvn and pip use the one that is set up.
    for path in (DEPLOY / "local").rglob("*"):
        if path.is_file():
            text = path.read_text().replace("http://maven.apache.org/POM/4.0.0", "")
            assert [
                word for word in text.split() if "://" in word and "127.0.0.1" not in word
            ] == []
