"""Programs that are not here (gcloud, srun, spark-submit): stubs that note how they were called."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.manifests import ROOT


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a stub was told."""

    program: str
    arguments: list[str]


class Stubs:
    """A folder of stubs for the PATH."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "stubs"
        self._calls = folder / "calls"
        self._folder.mkdir(parents=True)

    def add(self, name: str, then: str = "") -> Path:
        """Add a program that notes its arguments; `then` is more bash to run."""
        program = self._folder / name
        note = f'printf "%s\\0" {name} $# "$@" >> "{self._calls}"'
        program.write_text(f"#!/usr/bin/env bash\n{note}\n{then}\n")
        program.chmod(0o755)
        return program

    def calls(self) -> list[Call]:
        """Return how the programs were called, in order."""
        words = self._calls.read_bytes().decode().split("\0")[:-1] if self._calls.exists() else []
        found = []
        while words:
            program, count = words[0], int(words[1])
            found.append(Call(program=program, arguments=words[2 : 2 + count]))
            words = words[2 + count :]
        return found

    def run(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the project with the stubs first on the PATH."""
        return subprocess.run(
            command,
            cwd=ROOT,
            env={
                "PATH": f"{self._folder}:{os.environ['PATH']}",
                "HOME": str(self._folder.parent),
                **(environment or {}),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
