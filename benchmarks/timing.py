"""Whole processes, timed from outside: several rounds, every command once a round, medians."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOKS_EVERY_S = 0.1


def job_options(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what every job needs: `input` and `tokenizer`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--input", nargs="+", required=True, help="Parquet files with text")
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.json")
    return parser


def job_command(inputs: Sequence[str], tokenizer: str, output: str, *others: str) -> list[str]:
    """Return the command line of a job that makes blocks."""
    command = [sys.executable, "-m", "beam_pipeline", "--task", "mlm", "--tokenizer", tokenizer]
    given = [part for path in inputs for part in ("--input", path)]
    return [*command, *given, "--output", output, *others]


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


def run_watched(
    command: Sequence[str], memory: Callable[[list[str]], int], engine: Collection[int] = ()
) -> tuple[Run, int]:
    """Run a command; return its time, and the highest sum of its processes' memory in bytes.

    Args:
        memory: Returns a process's memory, from what `processes_of` says of it.
        engine: Sessions of other processes that work for it, and count.

    Raises:
        RuntimeError: it failed.
    """
    started, cpu = time.perf_counter(), children_cpu() + _cpu_of(engine)
    peak = 0
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL) as process:
        while process.returncode is None:
            peak = max(peak, sum(map(memory, processes_of({process.pid, *engine}))))
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOKS_EVERY_S)
    wall = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with exit code {process.returncode}")
    return Run(wall=wall, cpu=children_cpu() + _cpu_of(engine) - cpu), peak


def children_cpu() -> float:
    """Return the CPU seconds of all processes that this one has waited for, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def _cpu_of(sessions: Collection[int]) -> float:
    """Return the CPU seconds of processes, and of those of their children that have ended."""
    return sum(sum(map(int, fields[13:17])) for fields in processes_of(sessions)) / _TICKS


def processes_of(sessions: Collection[int]) -> list[list[str]]:
    """Return what Linux says of each process of some sessions (proc(5), stat)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:  # It has ended meanwhile.
            continue
        fields = [*name.split(" (", 1), *rest.split()]
        if int(fields[5]) in sessions:
            found.append(fields)
    return found


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
