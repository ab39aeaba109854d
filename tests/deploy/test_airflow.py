"""The DAG in a real Airflow: it parses, runs, runs again, is retried, and ends in time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY
from tests.engines.local_engines import installed_folder, missing, skip_or_fail
from tests.jobs import REVIEWS, TOKENIZER
from tests.paths import ROOT
from transforms.storage.generations import read_manifest

DAG_FILE = DEPLOY / "airflow" / "review_shards.py"
DAY = "2026-01-03"
NIGHT = f"{DAY[:-1]}4T02:30:00+00:00"


class Airflow:
    """An Airflow with a database of its own, and the folders that its DAG reads and writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        installed = installed_folder("airflow") or skip_or_fail(missing("airflow"))
        self._programs = installed / "bin"
        self.environment = {
            **os.environ,
            "AIRFLOW_HOME": str(folder / "home"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAG_FILE.parent),
            # What `--append` finds in the output is this folder's code.
            "PYTHONPATH": str(ROOT),
            **{f"AIRFLOW_VAR_{k.upper()}": v for k, v in self.variables("out").items()},
        }

    def variables(self, output: str) -> dict[str, str]:
        return {
            "review_shards_python": sys.executable,
            "review_shards_input": str(self.folder / "reviews"),
            "review_shards_output": str(self.folder / output),
            "review_shards_options": f"--tokenizer {TOKENIZER} --task mlm --max_length 32",
        }

    def run(self, *command: object) -> str:
        """Run a program of Airflow, and return what it printed."""
        program, *arguments = map(str, command)
        done = subprocess.run(
            [self._programs / program, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def start(self, *command: object) -> subprocess.Popen[bytes]:
        """Start a program of Airflow; what it prints goes into airflow.log."""
        program, *arguments = map(str, command)
        with (self.folder / "airflow.log").open("wb") as log:
            return subprocess.Popen(
                [self._programs / program, *arguments],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def put_reviews(self, day: str, name: str, first: int, last: int) -> None:
        file = self.folder / "reviews" / day / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(REVIEWS.read_bytes().splitlines(keepends=True)[first:last]))


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    airflow = Airflow(tmp_path_factory.mktemp("airflow"))
    airflow.run("airflow", "db", "migrate")
    return airflow


@pytest.mark.slow
def test_it_parses_without_a_warning(airflow: Airflow) -> None:
    assert airflow.run("python", "-W", "error", DAG_FILE) == ""


@pytest.mark.slow
def test_a_night_reads_the_day_that_is_over_and_verifies_what_it_made(airflow: Airflow) -> None:
    airflow.put_reviews(DAY, "a.jsonl", 0, 50)
    airflow.put_reviews(f"{DAY[:-1]}4", "a.jsonl", 50, 90)  # Has just begun.

    said = airflow.run("airflow", "dags", "test", "review_shards", NIGHT)

    (entry,) = read_manifest(str(airflow.folder / "out")).inputs
    assert entry.path == str(airflow.folder / "reviews" / DAY / "a.jsonl")
    assert "Done: " in said, "what the job says is not in the log"
    assert "all as the manifest says" in said


@pytest.mark.slow
def test_runs_add_late_files_need_no_date_are_retried_and_end_in_time(airflow: Airflow) -> None:
    airflow.put_reviews(DAY, "late.jsonl", 90, 120)
    now = datetime.now(timezone.utc)
    yesterday = f"{now - timedelta(days=1):%Y-%m-%d}"
    # Midnight may come first.
    for day in (yesterday, f"{now:%Y-%m-%d}"):
        airflow.put_reviews(day, "a.jsonl", 120, 150)
    killed, stuck = airflow.folder / "killed", airflow.folder / "stuck"
    # A job waits for a minute before it takes over from another machine.
    stuck.mkdir()
    (stuck / "lease.json").write_text('{"token": "other", "host": "other", "machine": "other"}')
    runs = [
        _run(airflow, NIGHT, "out"),
        _run(airflow, NIGHT, "out"),
        _run(airflow, None, "undated"),
        _run(airflow, NIGHT, "killed", retries=1, retry_delay=0),
        _run(airflow, NIGHT, "stuck", retries=0, execution_timeout=10),
    ]
    (airflow.folder / "runs.json").write_text(json.dumps(runs))
    results = airflow.folder / "results.jsonl"

    driver = Path(__file__).with_name("airflow_runs.py")
    process = airflow.start("python", driver, airflow.folder / "runs.json", DAG_FILE, results)
    try:
        os.kill(_holder(killed / "lease.json", process), signal.SIGKILL)
    finally:
        code = process.wait()

    log = (airflow.folder / "airflow.log").read_text()
    assert code == 0, log
    added, again, undated, retried, late = map(json.loads, results.read_text().splitlines())
    assert [run["state"] for run in (added, again, undated, retried)] == ["success"] * 4, log
    assert len(read_manifest(str(airflow.folder / "out")).generations) == 2
    assert log.count("Nothing new") == 1
    (entry,) = read_manifest(str(airflow.folder / "undated")).inputs
    assert Path(entry.path).parent.name in (yesterday, f"{now:%Y-%m-%d}")
    assert retried["tries"]["make_shards"] == 2
    assert len(read_manifest(str(killed)).inputs) == 2
    assert late["state"] == "failed"
    assert _ends(str(stuck)), "the job outlives its task"


def _run(airflow: Airflow, date: str | None, output: str, **task: int) -> dict[str, object]:
    return {"date": date, "variables": airflow.variables(output), "task": task}


def _holder(lease: Path, airflow: subprocess.Popen[bytes]) -> int:
    """Return the process that has taken a lease, once there is one."""
    while not lease.exists():
        assert airflow.poll() is None, "Airflow ended before the job began"
        time.sleep(0.01)
    process: int = json.loads(lease.read_text())["process"]
    return process


def _ends(word: str, seconds: float = 20) -> bool:
    """Wait until no process has a word in its command line; False where one stays."""
    end = time.monotonic() + seconds
    while any(word in _command_line(process) for process in Path("/proc").glob("[0-9]*")):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:  # It has ended meanwhile.
        return ""
