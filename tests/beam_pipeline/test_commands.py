"""`review-shards`: one command for all programs."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from beam_pipeline import commands
from tests.jobs import IN_MEMORY, SMALL_PARTS, arguments
from tests.paths import ROOT

# What the installed command runs.
PROGRAM = "import sys; from beam_pipeline.commands import main; sys.exit(main())"


def review_shards(*given: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command as if it were installed, in a folder."""
    return subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *given],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def test_setup_installs_the_command() -> None:
    calls = [node for node in ast.walk(ast.parse((ROOT / "setup.py").read_text()))
             if isinstance(node, ast.keyword) and node.arg == "entry_points"]  # fmt: skip
    assert ast.literal_eval(calls[0].value) == {
        "console_scripts": ["review-shards = beam_pipeline.commands:main"]
    }


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_each_command_is_the_program_that_python_m_runs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, Sequence[str]]] = []
    monkeypatch.setattr(
        runpy, "run_module", lambda module, **_: ran.append((module, list(sys.argv[1:])))
    )
    monkeypatch.setattr(sys, "argv", ["review-shards", name, "--option", "value"])
    commands.main()

    command = commands.COMMANDS[name]
    assert ran == [(command.module, [*command.arguments, "--option", "value"])]
    assert find_spec(command.module) is not None


def test_without_a_command_it_says_which_there_are() -> None:
    shown, nothing = review_shards("--help"), review_shards()
    assert (shown.returncode, nothing.returncode) == (0, 2)
    assert shown.stdout == nothing.stdout
    assert [line.split()[0] for line in shown.stdout.splitlines()[2:]] == list(commands.COMMANDS)


def test_a_misspelt_command_is_one_line() -> None:
    done = review_shards("verfy", "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: there is no command verfy: did you mean verify?\n"


def test_a_missing_extra_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "find_spec", lambda name: None)
    assert commands._explain(["train", "--dataset", "out"]) == 2
    assert capsys.readouterr().err == (
        "error: `train` needs the extra train: pip install 'review-shards[train]'\n"
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has had -P since 3.11")
def test_files_of_the_users_folder_stand_in_for_no_module(tmp_path: Path) -> None:
    for name in ("transforms", "beam_pipeline", "training", "tokenizers", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")

    made = review_shards("make", *arguments("out", *SMALL_PARTS, *IN_MEMORY), folder=tmp_path)
    assert made.returncode == 0, made.stderr
    workers = ("--direct_num_workers", "2", "--direct_running_mode", "multi_processing")
    again = review_shards("make", *arguments("two", *SMALL_PARTS, *workers), folder=tmp_path)
    assert again.returncode == 0, again.stderr
    checked = review_shards("verify", "out", folder=tmp_path)
    assert checked.returncode == 0, checked.stderr
