"""Whole processes, timed from outside: several rounds, every command once a round, medians."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Run:
    """One process, its children included.

    Attributes:
        wall: Seconds from start to end.
        cpu: Seconds of all cores.
    """

    wall: float
    cpu: float


def run_process(command: Sequence[str], env: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; the message holds what it printed last.
    """
    started, cpu = time.perf_counter(), children_cpu()
    done = subprocess.run(
        command,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    run = Run(wall=time.perf_counter() - started, cpu=children_cpu() - cpu)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return run


def children_cpu() -> float:
    """Return the CPU seconds of all processes that this one has waited for, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def run_rounds(contestants: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Run every contestant once a round, so that a slow minute of the machine hits all alike.

    Each round starts with another of them, and what one has left to be written is on the disk
    before the next starts: nobody pays for the same neighbour each time.
    """
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            os.sync()
            run = contestants[name]()
            runs[name].append(run)
            print(f"round {number + 1}: {name}: {run.wall:.2f} s", file=sys.stderr, flush=True)
    return runs


def median_table(runs: Mapping[str, Sequence[Run]], baseline: str) -> str:
    """Return medians and ratios to one contestant, as Markdown."""
    base = statistics.median(run.wall for run in runs[baseline])
    lines = ["| | wall s | min-max | CPU s | times ours |", "| --- | --: | --: | --: | --: |"]
    for name, mine in runs.items():
        walls = [run.wall for run in mine]
        wall = statistics.median(walls)
        cpu = statistics.median(run.cpu for run in mine)
        lines.append(
            f"| {name} | {wall:.2f} | {min(walls):.2f}-{max(walls):.2f} | {cpu:.2f} "
            f"| {wall / base:.1f} |"
        )
    return "\n".join(lines)


def machine(packages: Sequence[str]) -> str:
    """Return the machine and the versions that a table was made with."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":")[1].strip()
            break
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in packages)
    return f"{os.cpu_count()} cores, {cpu}; Python {platform.python_version()}, {versions}"
