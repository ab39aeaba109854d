"""Real engines on this machine, by the script that users call: deploy/local/engines.sh."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.paths import ROOT
from tests.ports import free_port

_SCRIPT = ROOT / "deploy" / "local" / "engines.sh"
START_S = 300


@dataclass(frozen=True, kw_only=True)
class LocalEngine:
    """An engine that runs.

    Attributes:
        name: Its name in engines.sh.
        options: What a job passes to run there.
        folder: Its logs, and the ids of its processes.
        port: Where it is asked.
        web_port: The page of a cluster.
        cluster_port: Where the processes of a cluster meet: Spark's master.
    """

    name: str
    options: tuple[str, ...]
    folder: Path
    port: int
    web_port: int
    cluster_port: int

    def process(self, name: str) -> int:
        """Return the id of one of its processes, which leads a group of that number."""
        return int((self.folder / f"{name}.pid").read_text().split()[0])

    def log(self, name: str) -> str:
        """Return what one of its processes has printed."""
        return (self.folder / f"{name}.log").read_text()


def installed_folder(name: str) -> Path | None:
    """Return where engines.sh has installed an engine of one component; None where it has not."""
    default = Path.home() / ".cache" / "review-shards" / "engines"
    folders = Path(os.environ.get("ENGINES_FOLDER", default)).glob(f"{name}-*[0-9]")
    return max(folders, default=None)


def missing(name: str) -> str:
    """Return what to say where an engine is not installed, as engines.sh does."""
    return f"{name} is not installed: run deploy/local/engines.sh install {name}"


def skip_or_fail(why: str) -> NoReturn:
    """Skip a test whose engine is missing; CI has to have them all."""
    if os.environ.get("NEED_ENGINES"):
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def local_engine(name: str, folder: Path, **environment: str) -> Iterator[LocalEngine]:
    """Start an engine on free ports; stop it with all that it started when the block ends.

    Args:
        name: Its name in engines.sh.
        folder: Where its logs and its data go.
        environment: Variables of engines.sh besides the ports.
    """
    port, web_port, cluster_port = free_port(), free_port(), free_port()
    ports = {"PORT": str(port), "WEB_PORT": str(web_port), "CLUSTER_PORT": str(cluster_port)}
    fixed = {"RUN_FOLDER": str(folder), "PYTHON": sys.executable, "START_SECONDS": str(START_S)}
    variables = {**os.environ, **fixed, **ports, "PYTHONPATH": str(ROOT), **environment}
    try:
        said = _run("start", name, variables)
        yield LocalEngine(
            name=name,
            options=_options_of(said),
            folder=folder,
            port=port,
            web_port=web_port,
            cluster_port=cluster_port,
        )
    finally:
        _run("stop", name, variables)


def installed(name: str, file: str | None = None) -> Path:
    """Return the folder that an engine is installed in, or a file of it; skip without it.

    Args:
        name: Its name in engines.sh.
        file: The file; None for the folder.
    """
    said = _run("path", name, dict(os.environ))
    folders = [Path(line) for line in said.splitlines()]
    if file is None:
        return folders[0]
    return next(folder / file for folder in folders if (folder / file).exists())


def _options_of(said: str) -> tuple[str, ...]:
    """Return the options after `pass:` in what a start printed."""
    return tuple(
        word
        for line in said.splitlines()
        if line.startswith("pass: ")
        for word in line.removeprefix("pass: ").split()
    )


def _run(action: str, name: str, environment: dict[str, str]) -> str:
    with tempfile.TemporaryFile("w+") as out:
        # A file, not a pipe: what is started would keep a pipe open.
        done = subprocess.run(
            [_SCRIPT, action, name], env=environment, stdout=out, stderr=subprocess.STDOUT
        )
        out.seek(0)
        said = out.read()
    if done.returncode and "is not installed: run" in said:
        skip_or_fail(said.strip())
    assert done.returncode == 0, said
    return said
