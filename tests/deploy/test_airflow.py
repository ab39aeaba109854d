"""The DAG imports, with Airflow's own classes stubbed, and its tasks run command lines of ours."""

from __future__ import annotations

import runpy
import sys
from types import ModuleType, TracebackType
from typing import Any

import pytest

from beam_pipeline.options.command_line import parse_options
from tests.deploy.manifests import DEPLOY

_VARIABLES = {
    "{{ var.value.review_shards_bucket }}": "s3://bucket",
    "{{ var.value.review_shards_flink }}": "http://flink:8081",
}


class _Task:
    """An operator of Airflow that only keeps its arguments."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.after: list[_Task] = []

    def __rshift__(self, other: _Task) -> _Task:
        other.after.append(self)
        return other


class _Dag:
    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments

    def __enter__(self) -> _Dag:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


@pytest.fixture
def dag(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the module of the DAG defines."""
    for name, member, value in (
        ("airflow.sdk", "DAG", _Dag),
        ("airflow.providers.apache.beam.operators.beam", "BeamRunPythonPipelineOperator", _Task),
        ("airflow.providers.standard.operators.bash", "BashOperator", _Task),
    ):
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            path = ".".join(parts[:depth])
            monkeypatch.setitem(sys.modules, path, sys.modules.get(path, ModuleType(path)))
        setattr(sys.modules[name], member, value)
    return runpy.run_path(str(DEPLOY / "airflow" / "review_shards.py"))


def _filled_in(text: str) -> str:
    for template, value in _VARIABLES.items():
        text = text.replace(template, value)
    assert "{{" not in text
    return text


def _command_line(task: _Task) -> list[str]:
    """Return the command that Beam's operator starts: a list gives its option several times."""
    given = task.arguments
    command = [given["py_interpreter"], *given["py_options"], given["py_file"]]
    command.append(f"--runner={given['runner']}")
    for name, value in given["pipeline_options"].items():
        if value is True:
            command.append(f"--{name}")
        else:
            values = value if isinstance(value, list) else [value]
            command += [f"--{name}={_filled_in(one)}" for one in values]
    # The operator adds its version as a label.
    return [*command, "--labels=airflow-version=v3-1-0"]


def test_the_shards_task_runs_a_job_that_is_taken(dag: dict[str, Any]) -> None:
    python, *arguments = _command_line(dag["make_shards"])
    assert (python, arguments[:2]) == (dag["PYTHON"], ["-m", "beam_pipeline"])
    config, beam = parse_options(arguments[2:])
    assert config.input == ("s3://bucket/reviews",)
    assert config.output == "s3://bucket/shards"
    assert config.append
    assert {"--runner=FlinkRunner", "--flink_master=http://flink:8081"} <= set(beam)


def test_what_was_made_is_verified_next(dag: dict[str, Any]) -> None:
    verify = dag["verify_shards"]
    assert verify.after == [dag["make_shards"]]
    command = _filled_in(verify.arguments["bash_command"]).split()
    assert command[1:] == ["-m", "beam_pipeline.verify", "s3://bucket/shards"]


def test_two_runs_never_write_at_once_and_a_failed_one_is_tried_again(dag: dict[str, Any]) -> None:
    arguments = dag["dag"].arguments
    assert arguments["max_active_runs"] == 1
    assert arguments["default_args"]["retries"] >= 1
    assert arguments["catchup"] is False
    assert arguments["start_date"].tzinfo is not None
