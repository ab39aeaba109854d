"""A job that is only written down: a template of Dataflow, or a jar for Spark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from fsspec.implementations.memory import MemoryFileSystem

from beam_pipeline.__main__ import main
from beam_pipeline.engines.engine import choose_engine
from tests.jobs import REVIEWS, SMALL_PARTS, TOKENIZER, arguments

_RUNNER = "tests.beam_pipeline.written_jobs.TemplateRunner"


class _Store(MemoryFileSystem):
    """A store, as far as a job that is only written down can tell."""

    protocol = "store"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("store://", "memory://")))


@pytest.fixture
def store() -> Iterator[str]:
    """Return a folder that is no path of this machine."""
    fsspec.register_implementation("store", _Store, clobber=True)
    memory = fsspec.filesystem("store")
    memory.pipe("/written-jobs/reviews.jsonl", REVIEWS.read_bytes())
    for file in TOKENIZER.iterdir():
        memory.pipe(f"/written-jobs/tokenizer/{file.name}", file.read_bytes())
    yield "store://written-jobs"
    memory.rm("/written-jobs", recursive=True)


def test_a_template_is_written_and_nothing_waited_for(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "template"
    job = [
        "--input", f"{store}/reviews.jsonl", "--output", f"{store}/shards",
        "--tokenizer", f"{store}/tokenizer", "--task", "mlm", "--max_length", "32",
        "--runner", _RUNNER, "--template_location", str(template),
    ]  # fmt: skip
    assert main(job) == 0
    assert "Written, not run" in capsys.readouterr().out
    assert template.stat().st_size > 1000
    # The tokenizer lies there for the workers; the manifest is theirs to write.
    names = {Path(name).name for name in fsspec.filesystem("store").find("/written-jobs/shards")}
    assert "tokenizer.json" in names
    assert "manifest.json" not in names


def test_paths_of_this_machine_are_written_down_where_workers_share_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = ("--runner", _RUNNER, "--template_location", str(tmp_path / "template"))
    job = arguments(tmp_path / "out", *SMALL_PARTS, *template)

    assert main(job) == 2
    assert "or say --shared_paths where it is a disk that they share" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

    assert main([*job, "--shared_paths"]) == 0
    assert (tmp_path / "template").exists()


def test_the_same_command_completes_what_an_engine_made_of_a_written_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "template"
    job = arguments(tmp_path / "out", *SMALL_PARTS)
    written = ("--runner", _RUNNER, "--template_location", str(template), "--shared_paths")
    assert main([*job, *written]) == 0
    graph = beam_runner_api_pb2.Pipeline.FromString(template.read_bytes())
    FnApiRunner().run_via_runner_api(graph, PipelineOptions()).wait_until_finish()
    assert (tmp_path / "out" / "manifest.json").exists()
    assert not (tmp_path / "out" / "report.json").exists()

    assert main(job) == 0

    assert "nothing to do" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"report.json", "report.html", "config.yaml", "README.md"} <= names
    assert not {"plan", "lease.json"} & names


def test_a_job_that_cannot_be_written_leaves_no_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "no-folder" / "template"
    template = ("--runner", _RUNNER, "--template_location", str(where), "--shared_paths")

    assert main(arguments(tmp_path / "out", *SMALL_PARTS, *template)) == 1

    assert "error: the job failed: FileNotFoundError" in capsys.readouterr().err
    assert not (tmp_path / "out" / "plan").exists()


def test_a_jar_and_a_template_are_written_and_other_jobs_run() -> None:
    jar = ["--runner", "SparkRunner", "--output_executable_path", "job.jar"]
    assert choose_engine(jar, 1, 1).writes_to == "job.jar"
    assert choose_engine(jar[:2], 1, 1).writes_to is None
    assert choose_engine([], 1, 1).writes_to is None
