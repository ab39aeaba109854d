"""What commands print harms no terminal, tells no secret, and decides no exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from beam_pipeline import clean, inspect, verify
from beam_pipeline.console import exit_code_of, say
from beam_pipeline.report.__main__ import main as report
from tests.beam_pipeline.jobs import arguments, run
from tests.paths import ROOT
from transforms.functional.errors import OutputError

ESCAPE = "\x1b]0;owned\x07\x1b[2J"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("dataset") / "out"
    assert run(output, "--quiet") == 0
    return output


def test_what_is_said_has_no_control_characters_and_no_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(f"{ESCAPE}\u202egnp.exe\udcff\tfrom s3://a:b@bucket\nnext line")
    assert capsys.readouterr().out == (
        "\\x1b]0;owned\\x07\\x1b[2J\\u202egnp.exe\\udcff\tfrom s3://***@bucket\nnext line\n"
    )


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_has_none_either(capsys: pytest.CaptureFixture[str], debug: bool) -> None:
    def fail() -> int:
        raise OutputError(f"{ESCAPE} in s3://a:b@bucket")

    assert exit_code_of(fail, interrupted="", debug=debug) == 1
    err = capsys.readouterr().err
    assert err.endswith("error: \\x1b]0;owned\\x07\\x1b[2J in s3://***@bucket\n")
    assert ("Traceback" in err) == debug
    assert "\x1b" not in err


def test_an_error_that_nobody_expected_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(lambda: 1 // 0, interrupted="") == 1
    assert capsys.readouterr().err == (
        "error: unexpected ZeroDivisionError: integer division or modulo by zero (--debug shows "
        "where)\n"
    )


def test_names_of_labels_and_files_reach_the_screen_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = tmp_path / "in"
    for label in ("bad", f"good{ESCAPE}".replace("/", "")):
        folder = reviews / label
        folder.mkdir(parents=True)
        (folder / f"a{ESCAPE}.txt").write_text(f"A fine {ESCAPE} film.\n" * 20)
    output = tmp_path / "out"
    options = ("--task", "classification", "--label_from_path")
    assert run(output, *options, "--dry_run", reviews=reviews) == 0
    assert run(output, *options, reviews=reviews) == 0
    assert inspect.main([str(output)]) == 0
    assert inspect.main([str(output), "--row", "0"]) == 0
    assert verify.main([str(output)]) == 0
    said = capsys.readouterr()
    assert "\\x1b]0;owned\\x07" in said.out
    assert "\x1b" not in said.out + said.err
    assert "\x07" not in said.out + said.err


def _run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command whose `$0` is Python, and whose `$@` are some arguments."""
    return subprocess.run(
        ["bash", "-c", command, sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["| true", "| head -n 1", ">/dev/full 2>&1", ">&- 2>&-"])
def test_the_job_decides_the_exit_code_and_not_the_screen(tmp_path: Path, screen: str) -> None:
    output = tmp_path / "out"
    command = f'set -o pipefail; "$0" -m beam_pipeline "$@" {screen}'
    done = _run(command, *arguments(output))
    assert (done.returncode, done.stderr) == (0, "")
    assert (output / "report.json").is_file()
    failed = _run(command, *arguments(output, "--max_length", "64"))
    assert failed.returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("module", ["verify", "inspect", "clean", "report"])
@pytest.mark.parametrize("screen", ["| true", ">/dev/full 2>&1", ">&- 2>&-"])
def test_so_does_each_other_command(dataset: Path, module: str, screen: str) -> None:
    command = f'set -o pipefail; "$0" -m beam_pipeline.{module} "$@" {screen}'
    assert _run(command, str(dataset)).returncode == 0
    assert _run(command, str(dataset / "nothing")).returncode == 1
    assert _run(command, "--help").returncode == 0
    assert _run(command).returncode == 2


@pytest.mark.parametrize("main", [verify.main, clean.main, inspect.main, report])
def test_an_interrupt_of_any_command_is_one_line(
    dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    main: object,
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for name in (
        "clean.read_manifest",
        "verify.read_generation",
        "inspect.read_generation",
        "report.__main__.write_report",
    ):
        monkeypatch.setattr(f"beam_pipeline.{name}", interrupted)
    assert callable(main)
    assert main([str(dataset)]) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("interrupted: ")


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_repair_leaves_no_lease_no_plan_and_nothing_in_the_temporary_directory(
    tmp_path: Path, sent: signal.Signals
) -> None:
    output, temporary = tmp_path / "out", tmp_path / "tmp"
    temporary.mkdir()
    assert run(output, "--quiet", "--part_bytes", "1000", "--max_length", "8") == 0
    for shard in output.glob("train/**/*.arrow"):
        shard.write_bytes(b"")
    repair = subprocess.Popen(
        [sys.executable, "-m", "beam_pipeline.verify", str(output), "--repair"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 120
    while not (output / "plan").exists() and time.monotonic() < end:
        time.sleep(0.01)
    repair.send_signal(sent)
    _, err = repair.communicate(timeout=60)
    assert repair.returncode == 130, err
    assert err == "interrupted: the same command starts over\n"
    assert not (output / "lease.json").exists()
    assert not (output / "plan").exists()
    assert list(temporary.iterdir()) == []
