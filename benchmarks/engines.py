"""The same job on each engine of this machine: how long, how much work, how much memory.

    python -m benchmarks.engines --input reviews/*.parquet --tokenizer path/to/bert-base-uncased

Engines are those of deploy/local/engines.sh. Each is started, runs the job a few times, and is
stopped. Time is that of the launcher, from its start to its end. CPU and memory are those of the
launcher and of all processes of the engine; memory is the sum of what each holds in RAM.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.timing import Run, job_command, job_options, machine, run_watched

_SCRIPT = Path(__file__).parents[1] / "deploy" / "local" / "engines.sh"
_PAGE = os.sysconf("SC_PAGE_SIZE")
# One task manager: a pool of workers serves one alone.
_SETTINGS = {"TASK_MANAGERS": "1", "SLOTS": "2", "START_SECONDS": "300"}


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A way to run the job.

    Attributes:
        engines: What engines.sh starts for it.
        options: What the job passes besides what engines.sh says.
    """

    engines: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


_SLOTS = ("--parallelism", "2")
_POOL = ("--sdk_worker_parallelism", "2")
CONTESTANTS = {
    "this process": Contestant(options=("--direct_num_workers", "1")),
    "two worker processes": Contestant(options=("--direct_num_workers", "2")),
    "Prism, LOOPBACK": Contestant(engines=("prism",)),
    "Flink embedded, LOOPBACK": Contestant(engines=("flink",), options=_SLOTS),
    "Flink embedded, pool": Contestant(engines=("flink", "workers"), options=(*_SLOTS, *_POOL)),
    "Flink cluster, LOOPBACK": Contestant(engines=("flink-cluster",), options=_SLOTS),
    "Flink cluster, pool": Contestant(
        engines=("flink-cluster", "workers"), options=(*_SLOTS, *_POOL)
    ),
    "Spark local[2], LOOPBACK": Contestant(engines=("spark",)),
    "Spark local[2], pool": Contestant(engines=("spark", "workers"), options=_POOL),
}


def main() -> None:
    """Run all contestants and print the table."""
    parser = job_options(__doc__)
    parser.add_argument("--part_bytes", default="1000000", help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="jobs on each (default: %(default)s)")
    parser.add_argument("--only", nargs="*", default=list(CONTESTANTS), choices=list(CONTESTANTS))
    options = parser.parse_args()
    inputs = [str(Path(path).resolve()) for path in options.input]
    job = partial(job_command, inputs, str(Path(options.tokenizer).resolve()))
    print(machine(["apache-beam", "pyarrow", "tokenizers"]) + "\n")
    print("| engine | first job, s | later ones, s | CPU s | peak MB |")
    print("| --- | --: | --: | --: | --: |", flush=True)
    for name in options.only:
        with tempfile.TemporaryDirectory() as made:
            jobs = run_contestant(CONTESTANTS[name], job, options, Path(made))
        print(_row(name, jobs), flush=True)


def run_contestant(
    contestant: Contestant,
    job: Callable[..., list[str]],
    options: argparse.Namespace,
    made: Path,
) -> list[tuple[Run, int]]:
    """Start the engines of a contestant, and run a job there a few times, each with its peak."""
    jobs = []
    with _running(contestant.engines, made) as passed:
        engine = {int(file.read_text().split()[0]) for file in made.glob("*.pid")}
        for number in range(options.rounds):
            others = ("--part_bytes", options.part_bytes, "--quiet", *passed, *contestant.options)
            command = job(f"{made}/shards-{number}", *others)
            os.sync()
            jobs.append(run_watched(command, lambda fields: int(fields[23]) * _PAGE, engine))
    return jobs


@contextmanager
def _running(engines: Sequence[str], folder: Path) -> Iterator[list[str]]:
    """Run engines on free ports; give what a job has to pass."""
    passed: list[str] = []
    ports = {name: str(_free_port()) for name in ("WEB_PORT", "CLUSTER_PORT")}
    fixed = {"RUN_FOLDER": str(folder), "PYTHON": sys.executable, **_SETTINGS, **ports}
    try:
        for engine in engines:
            said = _engines_sh("start", engine, {**fixed, "PORT": str(_free_port())})
            for line in said.splitlines():
                if line.startswith("pass: "):
                    passed += line.removeprefix("pass: ").split()
        yield passed
    finally:
        for engine in reversed(engines):
            _engines_sh("stop", engine, fixed)


def _engines_sh(action: str, engine: str, settings: dict[str, str]) -> str:
    with tempfile.TemporaryFile("w+") as out:
        # A file, not a pipe: what is started would keep a pipe open.
        command = [str(_SCRIPT), action, engine]
        done = subprocess.run(
            command, env={**os.environ, **settings}, stdout=out, stderr=subprocess.STDOUT
        )
        out.seek(0)
        said = out.read()
    if done.returncode:
        raise SystemExit(said)
    return said


def _row(name: str, jobs: Sequence[tuple[Run, int]]) -> str:
    later = jobs[1:] or jobs
    wall = statistics.median(run.wall for run, _ in later)
    cpu = statistics.median(run.cpu for run, _ in later)
    peak = max(peak for _, peak in jobs)
    return f"| {name} | {jobs[0][0].wall:.1f} | {wall:.1f} | {cpu:.1f} | {peak / 1e6:,.0f} |"


def _free_port() -> int:
    with socket.create_server(("localhost", 0)) as server:
        port: int = server.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
