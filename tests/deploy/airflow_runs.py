"""Runs of the DAG, one after the other, by Airflow's own Python: `... FILE DAG_FILE RESULTS`.

FILE holds a JSON list of runs: `date` (null for a trigger without a logical date), `variables`,
and `task`, what is set of the first task. RESULTS gets a line a run: its state, and its tries.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from datetime import datetime, timedelta
from pathlib import Path


def main(runs: str, dag_file: str, results: str) -> None:
    """Run all, in this process: Airflow takes 20 s to start."""
    for run in json.loads(Path(runs).read_text()):
        for name, value in run["variables"].items():
            os.environ[f"AIRFLOW_VAR_{name.upper()}"] = value
        dag = runpy.run_path(dag_file)["dag"]
        for name, value in run["task"].items():
            seconds = name in ("retry_delay", "execution_timeout")
            setattr(dag.tasks[0], name, timedelta(seconds=value) if seconds else value)
        date = run["date"] and datetime.fromisoformat(run["date"])
        made = dag.test(logical_date=date)
        tries = {task.task_id: task.try_number for task in made.get_task_instances()}
        with Path(results).open("a") as file:
            file.write(json.dumps({"state": made.state, "tries": tries}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
