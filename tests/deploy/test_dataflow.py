"""The Dataflow template: its parameters are the job's options, and gcloud gets what it takes."""

from __future__ import annotations

import dataclasses
import json
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from beam_pipeline.options.command_line import parse_options
from beam_pipeline.options.config import JobConfig
from tests.deploy.manifests import DEPLOY
from tests.deploy.stubs import Stubs

_LAUNCH = str(DEPLOY / "dataflow" / "launch.sh")
_ENVIRONMENT = {
    "IMAGE": "europe-docker.pkg.dev/p/r/review-shards:0.1.0",
    "TEMPLATE": "gs://bucket/templates/review-shards.json",
    "REGION": "europe-west4",
    "SERVICE_ACCOUNT": "job@p.iam.gserviceaccount.com",
    "TEMP_LOCATION": "gs://bucket/tmp",
}
_JOB = ["input=gs://bucket/{a,b}/*.parquet", "output=gs://bucket/out", "tokenizer=t", "task=mlm"]


def _parameters() -> list[dict[str, Any]]:
    module = runpy.run_path(str(DEPLOY / "dataflow" / "metadata.py"))
    parameters: list[dict[str, Any]] = module["template_metadata"]()["parameters"]
    return parameters


def test_the_parameters_are_the_options_that_take_a_value() -> None:
    names = [parameter["name"] for parameter in _parameters()]
    switches = {f.name for f in dataclasses.fields(JobConfig) if isinstance(f.default, bool)}
    switches -= {"overwrite"}  # `--overwrite=in_place` has a value.
    assert set(names) == {field.name for field in dataclasses.fields(JobConfig)} - switches
    assert len(names) == len(set(names))
    required = [p["name"] for p in _parameters() if not p["isOptional"]]
    assert required == ["input", "output", "tokenizer", "task"]


def test_each_default_passes_its_own_check() -> None:
    for field in dataclasses.fields(JobConfig):
        for parameter in _parameters():
            if parameter["name"] == field.name and parameter["isOptional"]:
                (regex,) = parameter["regexes"]
                left_out = field.default is None or field.default is False or field.default == ""
                assert left_out or re.fullmatch(regex, str(field.default)), field.name


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [("task", "classification", "translation"), ("max_length", "64", "6.4"), ("seed", "7", "-1")],
)
def test_a_wrong_value_is_refused_before_anything_starts(name: str, good: str, bad: str) -> None:
    (regex,) = next(p["regexes"] for p in _parameters() if p["name"] == name)
    assert re.fullmatch(regex, good)
    assert not re.fullmatch(regex, bad)


def test_building_gives_gcloud_the_metadata(tmp_path: Path) -> None:
    stubs = Stubs(tmp_path)
    kept = tmp_path / "metadata.json"
    stubs.add("gcloud", then=f'cp "${{@: -1}}" {kept}')
    environment = {**_ENVIRONMENT, "PYTHON": sys.executable, "PYTHONPATH": str(DEPLOY.parent)}
    done = stubs.run([_LAUNCH, "build"], environment)
    assert done.returncode == 0, done.stderr
    (call,) = stubs.calls()
    assert call.arguments[:4] == ["dataflow", "flex-template", "build", _ENVIRONMENT["TEMPLATE"]]
    assert json.loads(kept.read_text())["parameters"] == _parameters()


def test_running_passes_parameters_that_the_job_takes(tmp_path: Path) -> None:
    stubs = Stubs(tmp_path)
    stubs.add("gcloud")
    done = stubs.run([_LAUNCH, "run", *_JOB], _ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    (call,) = stubs.calls()
    separator, _, joined = call.arguments[-1].removeprefix("^").partition("^")
    config, beam = parse_options([f"--{part}" for part in joined.split(separator)])
    assert config.input == ("gs://bucket/{a,b}/*.parquet",)
    assert beam == [f"--sdk_container_image={_ENVIRONMENT['IMAGE']}"]
    assert "--disable-public-ips" in call.arguments


@pytest.mark.parametrize("wrong", ["task", "=mlm", "input=gs://bucket/a~b"])
def test_a_parameter_that_gcloud_would_misread_is_refused(tmp_path: Path, wrong: str) -> None:
    stubs = Stubs(tmp_path)
    stubs.add("gcloud")
    done = stubs.run([_LAUNCH, "run", wrong], _ENVIRONMENT)
    assert done.returncode == 2
    assert f"{wrong} is not NAME=VALUE" in done.stderr
    assert stubs.calls() == []


def test_the_template_runs_a_file_that_does_what_the_module_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", "--task", "mlm"])
    with pytest.raises(SystemExit) as raised:
        runpy.run_path(str(DEPLOY / "dataflow" / "main.py"), run_name="__main__")
    assert raised.value.code == 2
    assert "required: --input, --output, --tokenizer" in capsys.readouterr().err
