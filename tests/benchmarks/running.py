"""How the tests run a benchmark."""

from __future__ import annotations

import subprocess
import sys

from tests.paths import ROOT


def run(module: str, *arguments: str) -> str:
    """Return what a benchmark prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
