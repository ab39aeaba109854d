"""deploy/local on tiny stand-ins, fetched over HTTP: checked, started, awaited and stopped."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY

_ENGINE = DEPLOY / "local" / "engine.sh"
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
_DIES = "#!/usr/bin/env bash\necho 'no such option' >&2\nexit 3\n"


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _script(port: int) -> bytes:
    return _SERVER.format(python=sys.executable, port=port).encode()


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


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


class Machine:
    """A table of files on a server on loopback, and a folder for the engines."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.table = folder / "artifacts.txt"
        self.published = folder / "published"
        self.engines = folder / "engines"
        self.url = url

    def publish(self, name: str, file: str, content: bytes, sha256: str | None = None) -> None:
        (self.published / file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest() if sha256 is None else sha256
        with self.table.open("a") as table:
            table.write(f"{name} {digest} {self.url}/{file}\n")

    def run(self, action: str, engine: str, **environment: str) -> subprocess.CompletedProcess[str]:
        log = self.folder / "out"
        with log.open("w+") as out:
            # A file, not a pipe: what was started would keep a pipe open.
            done = subprocess.run(
                [_ENGINE, action, engine],
                env={
                    "PATH": f"{self.folder}:{os.environ['PATH']}",
                    "HOME": str(self.folder),
                    "ARTIFACTS": str(self.table),
                    "ENGINES_FOLDER": str(self.engines),
                    **environment,
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
    published = tmp_path / "published"
    published.mkdir()
    handler = partial(_Quiet, directory=str(published))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        made = Machine(tmp_path, f"http://127.0.0.1:{server.server_port}")
        try:
            yield made
        finally:
            for engine in ("prism", "flink", "minio"):
                made.run("stop", engine)
            server.shutdown()
            thread.join()


def _need_free(*ports: int) -> None:
    taken = [port for port in ports if _answers(port)]
    if taken:
        pytest.skip(f"something listens on port {taken[0]} of this machine")


def _prism(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("apache_beam-v9-prism-linux-amd64", content)
    return buffer.getvalue()


def _flink(scripts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in scripts.items():
            member = tarfile.TarInfo(f"flink-9/bin/{name}")
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_prism_is_fetched_started_awaited_and_stopped(machine: Machine) -> None:
    _need_free(8073)
    machine.publish("prism", "apache_beam-v9-prism-linux-amd64.zip", _prism(_script(8073)))
    assert machine.run("status", "prism").stdout == "prism does not run\n"
    started = machine.run("start", "prism")
    assert started.returncode == 0, started.stdout
    assert "--job_endpoint localhost:8073" in started.stdout
    assert _answers(8073)
    assert machine.run("status", "prism").stdout == "prism runs\n"
    log = (machine.engines / "run" / "prism.log").read_text()
    assert log == "started with --job_port=8073 --serve_http=false\n"
    again = machine.run("start", "prism")
    assert (again.returncode, again.stdout) == (
        1, "error: prism runs already: stop prism first\n",
    )  # fmt: skip
    group = machine.group("prism")
    assert machine.run("stop", "prism").returncode == 0
    assert not _answers(8073)
    _await_end_of(group)
    assert machine.run("stop", "prism").returncode == 0


def test_flink_is_three_processes_and_half_of_it_is_none(machine: Machine) -> None:
    _need_free(8081, 8099)
    scripts = {"jobmanager.sh": _script(8081), "taskmanager.sh": b"#!/bin/bash\nexec sleep 600\n"}
    machine.publish("flink", "flink-9.tgz", _flink(scripts))
    jar = machine.folder / "server.jar"
    no_jar = machine.run("start", "flink", FLINK_JOB_SERVER=str(jar))
    assert (no_jar.returncode, no_jar.stdout) == (
        1, "error: FLINK_JOB_SERVER is no file: see --help\n",
    )  # fmt: skip
    jar.write_bytes(b"a jar")
    java = machine.folder / "java"
    java.write_text(_DIES)
    java.chmod(0o755)
    failed = machine.run("start", "flink", FLINK_JOB_SERVER=str(jar))
    assert failed.returncode == 1
    assert "no such option\nerror: flink-job-server did not come up on port 8099" in failed.stdout
    assert "runs" not in machine.run("status", "flink").stdout.replace("does not run", "")
    assert not _answers(8081)

    java.write_bytes(_script(8099))
    started = machine.run("start", "flink", SLOTS="3", FLINK_JOB_SERVER=str(jar))
    assert started.returncode == 0, started.stdout
    assert "fetching" not in started.stdout
    assert "--job_endpoint localhost:8099" in started.stdout
    assert machine.run("status", "flink").stdout.count(" runs\n") == 3
    assert machine.run("stop", "flink").returncode == 0
    assert not _answers(8081)
    assert not _answers(8099)


def test_minio_gets_a_password_of_its_own_that_only_its_owner_reads(machine: Machine) -> None:
    _need_free(9000)
    machine.publish("minio", "minio.RELEASE.9", _script(9000))
    started = machine.run("start", "minio")
    assert started.returncode == 0, started.stdout
    variables = machine.engines / "minio.env"
    assert started.stdout.endswith(f"source {variables}\n")
    assert variables.stat().st_mode & 0o077 == 0
    words = dict(word.partition("=")[::2] for word in variables.read_text().split()[1:])
    assert words["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9000"
    assert len(words["AWS_SECRET_ACCESS_KEY"]) == 32
    assert words["AWS_SECRET_ACCESS_KEY"] not in (machine.engines / "run/minio.log").read_text()
    machine.run("stop", "minio")
    assert machine.run("start", "minio").returncode == 0
    assert words["AWS_SECRET_ACCESS_KEY"] in variables.read_text()


def test_a_file_with_another_hash_is_refused_and_removed(machine: Machine) -> None:
    machine.publish("minio", "minio.RELEASE.9", b"not what it was", sha256="0" * 64)
    refused = machine.run("start", "minio")
    assert refused.returncode == 1
    assert f"not {'0' * 64}: it was damaged or replaced" in refused.stdout
    assert list((machine.engines / "downloads").iterdir()) == []


def test_a_hash_that_is_not_pinned_is_shown_and_pinned_on_demand(machine: Machine) -> None:
    machine.publish("minio", "minio.RELEASE.9", b"a program", sha256="-")
    digest = hashlib.sha256(b"a program").hexdigest()
    refused = machine.run("fetch", "minio")
    assert refused.returncode == 1
    assert f"no sha256 of minio is pinned yet; its file has {digest}" in refused.stdout
    assert machine.run("fetch", "minio", PIN="1").returncode == 0
    assert machine.table.read_text() == f"minio {digest} {machine.url}/minio.RELEASE.9\n"
    assert machine.run("fetch", "minio").returncode == 0


def test_a_file_that_is_not_there_is_named(machine: Machine) -> None:
    machine.table.write_text(f"minio - {machine.url}/gone\n")
    failed = machine.run("fetch", "minio")
    assert failed.returncode == 1
    assert f"error: cannot fetch {machine.url}/gone" in failed.stdout


def test_a_number_that_another_process_has_by_now_is_not_stopped(machine: Machine) -> None:
    run = machine.engines / "run"
    run.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        (run / "prism.pid").write_text(f"{other.pid} 1\n")
        assert machine.run("stop", "prism").returncode == 0
        assert other.poll() is None
        other.kill()


def test_the_table_names_what_the_engines_fetch() -> None:
    table = (DEPLOY / "local" / "artifacts.txt").read_text().splitlines()
    lines = [line.split() for line in table if not line.startswith("#")]
    assert [name for name, _, _ in lines] == ["prism", "flink", "minio"]
    for _, digest, url in lines:
        assert digest == "-" or len(digest) == 64
        assert url.startswith("https://")
    versions = {name: url for name, _, url in lines}
    # The job server is made for one minor version of Flink.
    assert "flink-1.20." in versions["flink"]
    assert "flink-1.20-job-server" in _ENGINE.read_text()
