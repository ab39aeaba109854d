"""Every command line in the manifests and documents is one that the programs take today."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from beam_pipeline.__main__ import main
from beam_pipeline.options.command_line import parse_options
from tests.deploy.command_lines import CommandLine, command_lines
from tests.deploy.manifests import DEPLOY, ROOT, arguments_of, pods
from tests.deploy.stubs import Call, Stubs
from training.config import parse_options as parse_training_options
from transforms.functional.errors import UsageError

_DOCUMENTS = [ROOT / "docs" / "engines.md", DEPLOY / "README.md"]
_LINES = [line for path in _DOCUMENTS for line in command_lines(path)]
_TRAINING = ["--dataset", "shards", "--model_name_or_path", "model", "--output_dir", "out"]
_JOB = ["--input", "in", "--output", "out", "--tokenizer", "t", "--task", "mlm"]


def _parse(line: CommandLine) -> None:
    """Read a command line as its program does.

    Raises:
        UsageError: the program would refuse it.
    """
    if line.program == "beam_pipeline":
        parse_options(line.arguments)
        return
    arguments = list(line.arguments)
    if line.program == "torchrun":
        torchrun = get_args_parser().parse_args(arguments)
        assert torchrun.module
        assert torchrun.training_script == "training"
        arguments = torchrun.training_script_args
    parse_training_options(arguments)


def test_the_documents_show_every_program() -> None:
    assert {line.program for line in _LINES} == {"beam_pipeline", "torchrun"}
    assert len(_LINES) >= 8


@pytest.mark.parametrize("line", _LINES, ids=lambda line: line.place)
def test_each_command_line_in_a_document_is_taken(line: CommandLine) -> None:
    _parse(line)


def test_a_renamed_option_would_be_found() -> None:
    wrong = CommandLine(place="", program="beam_pipeline", arguments=(*_JOB, "--part_size", "1"))
    with pytest.raises(UsageError, match="part_size"):
        _parse(wrong)
    wrong = CommandLine(place="", program="training", arguments=(*_TRAINING, "--epochs", "3"))
    with pytest.raises(UsageError, match="epochs"):
        _parse(wrong)


def test_only_the_runner_and_its_options_change_from_engine_to_engine() -> None:
    engines = [line for line in _LINES if line.place.startswith("engines.md")]
    jobs = [parse_options(line.arguments)[0] for line in engines]
    assert len(jobs) >= 7
    assert len(set(jobs)) == 1


def test_the_hash_in_the_document_is_the_sample_s(tmp_path: Path) -> None:
    sample = ROOT / "tests" / "sample"
    arguments = ["--input", str(sample / "reviews.jsonl"), "--output", str(tmp_path / "out")]
    arguments += ["--tokenizer", str(sample / "tokenizer"), "--task", "mlm", "--max_length", "128"]
    assert main([*arguments, "--direct_running_mode", "in_memory"]) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert f"`{manifest['content_sha256']}`" in _DOCUMENTS[0].read_text()


def test_the_launcher_on_kubernetes_starts_a_job_that_is_taken() -> None:
    launchers = [
        arguments_of(container)
        for _, pod in pods()
        for container in pod["containers"]
        if "/launcher:" in container.get("image", "")
    ]
    assert len(launchers) == 1
    config, beam = parse_options(launchers[0])
    assert config.input == ("s3://your-bucket/reviews/*.parquet",)
    assert "--flink_submit_uber_jar" in beam
    assert not [argument for argument in launchers[0] if "$(" in argument]


def submit_to_spark(folder: Path, *options: str, **environment: str) -> list[Call]:
    """Run `submit.sh` with stubs of the programs that it calls, and return their calls."""
    stubs = Stubs(folder)
    stubs.add("python3")
    stubs.add("spark-submit")
    command = [str(DEPLOY / "spark" / "submit.sh"), *_JOB, *options]
    done = stubs.run(command, {"SPARK_MASTER": "spark://head:7077", **environment})
    assert done.returncode == 0, done.stderr
    return stubs.calls()


def test_spark_submit_gets_the_jar_that_the_job_was_told_to_write(tmp_path: Path) -> None:
    job, submit, last = submit_to_spark(
        tmp_path, "--overwrite", SPARK_JOB_SERVER="/jars/server.jar", SDK_WORKERS="4"
    )
    assert job.arguments[:2] == ["-m", "beam_pipeline"]
    config, beam = parse_options(job.arguments[2:])
    assert config.output == "out"
    (jar,) = (a.partition("=")[2] for a in beam if a.startswith("--output_executable_path="))
    assert (submit.program, submit.arguments[-1]) == ("spark-submit", jar)
    assert submit.arguments[:2] == ["--master", "spark://head:7077"]
    assert not Path(jar).parent.exists()
    assert {"--sdk_worker_parallelism=4", "--environment_cache_millis=2000"} <= set(beam)
    # What the launcher of a job that runs does at its end.
    finished, engine = parse_options(last.arguments[2:])
    assert (config.overwrite, finished.overwrite, engine) == (True, False, [])


def test_a_job_server_that_runs_writes_the_jar_for_spark(tmp_path: Path) -> None:
    job, *_ = submit_to_spark(
        tmp_path, SPARK_JOB_SERVER="localhost:8199", WORKER_POOL="localhost:50001"
    )
    _, beam = parse_options(job.arguments[2:])
    assert {
        "--runner=PortableRunner",
        "--job_endpoint=localhost:8199",
        "--environment_config=localhost:50001",
    } <= set(beam)


def test_no_command_line_of_ours_is_anywhere_else_in_deploy() -> None:
    """A new file with one must be read by a test, too."""
    own = re.compile(r"-m (beam_pipeline|training)\b(?!\.)")
    found = {
        str(path.relative_to(DEPLOY))
        for path in DEPLOY.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and own.search(path.read_text())
    }
    assert found == {
        "README.md",
        "airflow/review_shards.py",
        "images/worker.Dockerfile",
        "images/trainer.Dockerfile",
        "local/engines.sh",
        "spark/submit.sh",
        "training/train.sh",
    }
