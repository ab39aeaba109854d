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
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timing import machine

_SCRIPT = Path(__file__).parents[1] / "deploy" / "local" / "engines.sh"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOKS_EVERY_S = 0.1
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


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one job took.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of all cores, of launcher and engine.
        peak_bytes: Most memory that all their processes held at a time.
    """

    wall: float
    cpu: float
    peak_bytes: int


def main() -> None:
    """Run all contestants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", nargs="+", required=True, help="files of reviews")
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.json")
    parser.add_argument("--part_bytes", default="1000000", help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="jobs on each (default: %(default)s)")
    parser.add_argument("--only", nargs="*", default=list(CONTESTANTS), choices=list(CONTESTANTS))
    options = parser.parse_args()
    inputs = [part for path in options.input for part in ("--input", str(Path(path).resolve()))]
    given = [*inputs, "--tokenizer", str(Path(options.tokenizer).resolve())]
    given += ["--task", "mlm", "--part_bytes", options.part_bytes, "--quiet"]
    print(machine(["apache-beam", "pyarrow", "tokenizers"]) + "\n")
    print("| engine | first job, s | later ones, s | CPU s | peak MB |")
    print("| --- | --: | --: | --: | --: |", flush=True)
    for name in options.only:
        print(_row(name, run_contestant(CONTESTANTS[name], given, options.rounds)), flush=True)


def run_contestant(contestant: Contestant, job: Sequence[str], rounds: int) -> list[Job]:
    """Start the engines of a contestant, and run a job there a few times."""
    with tempfile.TemporaryDirectory() as made, _running(contestant.engines, Path(made)) as passed:
        jobs = []
        for number in range(rounds):
            output = ("--output", f"{made}/shards-{number}")
            command = [sys.executable, "-m", "beam_pipeline", *job, *output]
            jobs.append(_run_job([*command, *passed, *contestant.options], Path(made)))
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


def _run_job(command: Sequence[str], folder: Path) -> Job:
    """Run one job, and watch its processes and those of the engine."""
    os.sync()
    engine = {int(file.read_text().split()[0]) for file in folder.glob("*.pid")}
    before, started = _cpu(_processes(engine)), time.perf_counter()
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL) as job:
        sessions = {*engine, job.pid}
        peak = [0]
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(sessions, peak, ended))
        watch.start()
        _, status, used = os.wait4(job.pid, 0)
        wall = time.perf_counter() - started
        ended.set()
        watch.join()
        job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    cpu = used.ru_utime + used.ru_stime + _cpu(_processes(engine)) - before
    return Job(wall=wall, cpu=cpu, peak_bytes=peak[0])


def _watch(sessions: Collection[int], peak: list[int], ended: threading.Event) -> None:
    while not ended.wait(_LOOKS_EVERY_S):
        peak[0] = max(peak[0], sum(int(fields[23]) * _PAGE for fields in _processes(sessions)))


def _processes(sessions: Collection[int]) -> list[list[str]]:
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


def _cpu(processes: Sequence[Sequence[str]]) -> float:
    """Return the CPU seconds of processes, and of those of their children that have ended."""
    return sum(sum(map(int, fields[13:17])) for fields in processes) / _TICKS


def _row(name: str, jobs: Sequence[Job]) -> str:
    later = jobs[1:] or jobs
    wall = statistics.median(job.wall for job in later)
    cpu = statistics.median(job.cpu for job in later)
    peak = max(job.peak_bytes for job in jobs)
    return f"| {name} | {jobs[0].wall:.1f} | {wall:.1f} | {cpu:.1f} | {peak / 1e6:,.0f} |"


def _free_port() -> int:
    with socket.create_server(("localhost", 0)) as server:
        port: int = server.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
