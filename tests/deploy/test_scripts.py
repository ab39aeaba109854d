"""Every script is sound bash, explains itself, and stops at what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY, ROOT

_SCRIPTS = sorted([*DEPLOY.rglob("*.sh"), *DEPLOY.rglob("*.sbatch")])
# What other scripts are made of, and what only sbatch runs.
_PARTS = ("install.sh", "processes.sh", "start.sh", "train.sbatch")
_PROGRAMS = [path for path in _SCRIPTS if path.name not in _PARTS]
_SHELLCHECK = Path(sys.executable).parent / "shellcheck"


def _name(path: Path) -> str:
    return str(path.relative_to(DEPLOY))


def _run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_all_scripts_are_found() -> None:
    assert [_name(path) for path in _SCRIPTS] == [
        "dataflow/launch.sh",
        "local/engines.sh",
        "local/install.sh",
        "local/processes.sh",
        "local/start.sh",
        "spark/submit.sh",
        "training/train.sbatch",
        "training/train.sh",
    ]


@pytest.mark.parametrize("path", _SCRIPTS, ids=_name)
def test_bash_and_shellcheck_find_nothing(path: Path) -> None:
    for command in (["bash", "-n", path], [_SHELLCHECK, "--external-sources", path]):
        done = _run(*command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_shellcheck_would_find_something(tmp_path: Path) -> None:
    script = tmp_path / "bad.sh"
    script.write_text("#!/usr/bin/env bash\nrm -rf $1/files\n")
    done = _run(_SHELLCHECK, script)
    assert done.returncode == 1
    assert "SC2086" in done.stdout


@pytest.mark.parametrize("path", _PROGRAMS, ids=_name)
def test_help_needs_nothing_and_names_every_variable_that_is_needed(path: Path) -> None:
    shown = [_run(path, *arguments) for arguments in (["--help"], ["-h"], [])]
    assert {(done.returncode, done.stdout, done.stderr) for done in shown} == {
        (0, shown[0].stdout, "")
    }
    assert shown[0].stdout.startswith("usage: ")
    assert max(map(len, shown[0].stdout.splitlines())) <= 100
    text = path.read_text()
    needed = {line.split(":?")[0].split("{")[1] for line in text.splitlines() if ':?"' in line}
    needed |= {line.split(":?")[0].split("{")[1] for line in text.splitlines() if ': "${' in line}
    for variable in needed:
        assert variable in shown[0].stdout


@pytest.mark.parametrize(
    ("script", "arguments", "code", "message"),
    [
        ("dataflow/launch.sh", ["run", "task=mlm"], 1, "IMAGE is not set: see --help"),
        ("dataflow/launch.sh", ["delete"], 2, "delete is neither build nor run"),
        ("spark/submit.sh", ["--task", "mlm"], 1, "SPARK_MASTER is not set: see --help"),
        ("training/train.sh", ["--task", "mlm"], 1, "WORLD_SIZE is not set: start this with"),
        ("training/train.sbatch", ["x"], 1, "VENV is not set: the folder of the virtual"),
        ("local/engines.sh", ["start", "dask"], 2, "usage: deploy/local/engines.sh install|"),
        ("local/engines.sh", ["start", "all"], 2, "usage: deploy/local/engines.sh install|"),
        ("local/engines.sh", ["restart", "prism"], 2, "usage: deploy/local/engines.sh install|"),
    ],
)
def test_a_mistake_stops_a_script_before_it_does_anything(
    script: str, arguments: list[str], code: int, message: str
) -> None:
    done = _run(DEPLOY / script, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
