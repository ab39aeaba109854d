"""The cron line and the systemd units of docs/how-to.md, run as they stand."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import blocks_of
from tests.jobs import REVIEWS, TOKENIZER
from tests.paths import ROOT
from transforms.storage.generations import read_manifest

_HOW_TO = (ROOT / "docs" / "how-to.md").read_text("utf-8")
_SERVICE, _TIMER = (content for language, content in blocks_of(_HOW_TO) if language == "ini")
(_CRON,) = (content for language, content in blocks_of(_HOW_TO) if language == "crontab")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the project installed in it, its nightly options, and the first reviews."""
    program = tmp_path / "review-shards" / "bin" / "review-shards"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} "
        "-c 'import sys; from beam_pipeline.commands import main; sys.exit(main())' \"$@\"\n"
    )
    program.chmod(0o755)
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "a.jsonl").write_bytes(REVIEWS.read_bytes()[:50_000])
    (tmp_path / "nightly.yaml").write_text(
        f"input: [{tmp_path}/reviews]\noutput: {tmp_path}/shards\ntokenizer: {TOKENIZER}\n"
        "task: mlm\nmax_length: 32\nmax_rejected_fraction: 0.5\n"
    )
    return tmp_path


def _run(command: list[str], home: Path) -> str:
    """Run a command in the environment that cron and systemd give."""
    done = subprocess.run(
        command,
        cwd=home,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_the_line_for_cron_adds_a_night_and_then_the_next(home: Path) -> None:
    found = re.fullmatch(r"30 2 \* \* \* ([^%\n]+)\n", _CRON)  # `%` is a new line in a crontab.
    assert found

    _run(["/bin/sh", "-c", found[1]], home)
    (home / "reviews" / "b.jsonl").write_bytes(REVIEWS.read_bytes()[50_000:])
    _run(["/bin/sh", "-c", found[1]], home)

    assert len(read_manifest(str(home / "shards")).generations) == 2
    assert (home / "nightly.log").read_text().count("Done: ") == 2


@pytest.mark.slow
def test_the_service_for_systemd_makes_the_shards(home: Path) -> None:
    (command,) = re.findall("^ExecStart=(.*)$", _SERVICE, re.MULTILINE)

    said = _run(shlex.split(command.replace("%h", str(home))), home)

    assert "Done: " in said
    assert len(read_manifest(str(home / "shards")).generations) == 1


def test_systemd_finds_nothing_wrong_with_the_units(home: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze: install systemd")
    units = home / ".config" / "systemd" / "user"
    units.mkdir(parents=True)
    (units / "review-shards.service").write_text(_SERVICE.replace("%h", str(home)))
    (units / "review-shards.timer").write_text(_TIMER)

    for unit in units.iterdir():
        assert _run([analyze, "verify", "--man=no", str(unit)], home) == ""
    (time,) = re.findall("^OnCalendar=(.*)$", _TIMER, re.MULTILINE)
    assert "02:30:00 UTC" in _run([analyze, "calendar", time], home)
