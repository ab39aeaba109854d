"""Every command of the job that the documents show is one that the job takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from beam_pipeline.options.command_line import parse_options
from tests.paths import ROOT

_DOCUMENTS = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if path.name != "engines.md"  # Its commands are tested beside those of deploy/.
]
_COMMAND = re.compile(r"(?:python -m beam_pipeline|review-shards make) (--[^`\n]+)")
_NEEDED = {"input": "reviews.jsonl", "output": "shards", "tokenizer": "model", "task": "mlm"}


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield the document and the arguments of each command, lines that go on in the next joined."""
    for path in _DOCUMENTS:
        # What cron and systemd run is tested by itself.
        text = re.sub(r"^```(crontab|ini)$.*?^```$", "", path.read_text("utf-8"), flags=re.M | re.S)
        text = re.sub(r"\\\n\s*", "", text)
        for found in _COMMAND.finditer(text):
            arguments = shlex.split(found[1].removesuffix("..."), comments=True)
            if "--help" not in arguments:
                yield path.name, arguments


_COMMANDS = list(commands())


def test_there_are_commands() -> None:
    assert {name for name, _ in _COMMANDS} >= {"README.md", "troubleshooting.md"}


@pytest.mark.parametrize(("name", "arguments"), _COMMANDS)
def test_the_job_takes_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{option}: {value}\n" for option, value in _NEEDED.items()]
    (tmp_path / "shards").mkdir()
    for path in ("job.yaml", "shards/config.yaml"):
        (tmp_path / path).write_text("".join(lines))
    # A command that shows only what matters leaves out what every job needs.
    parse_options(["--config", "job.yaml", *arguments])
