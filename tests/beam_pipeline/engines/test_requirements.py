"""What is asked of an engine before anything is written."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PortableOptions

from beam_pipeline.engines import requirements
from beam_pipeline.engines.engine import Engine, choose_engine
from beam_pipeline.engines.requirements import await_services, check_shuffle_room
from tests.jobs import arguments
from transforms.functional.errors import ReviewShardsError, UsageError

GB = 10**9


def engine(*options: str) -> Engine:
    return choose_engine(options, 1, 1)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that takes what comes, and says nothing."""
    monkeypatch.setattr(requirements, "_ANSWER_S", 0.2)
    with socket.create_server(("localhost", 0)) as server:
        yield f"localhost:{server.getsockname()[1]}"


def test_a_job_service_that_does_not_answer_is_said_soon(silent: str) -> None:
    with pytest.raises(ReviewShardsError, match=f"no job service answers .* {silent}: start it"):
        await_services(engine("--runner", "PortableRunner", "--job_endpoint", silent))


def test_so_is_a_pool_of_workers_on_this_machine(silent: str) -> None:
    pool = ("--environment_type", "EXTERNAL", "--environment_config", silent)
    for runner in (("PortableRunner", "--job_endpoint", "embed"), ("PrismRunner",)):
        with pytest.raises(ReviewShardsError, match=f"no pool of workers answers .* {silent}"):
            await_services(engine("--runner", *runner, *pool))
    # On a cluster that address is one beside each of its workers.
    await_services(engine("--runner", "FlinkRunner", "--flink_master", "far:8081", *pool))


def test_nothing_is_written_before_they_answer(
    silent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from beam_pipeline.__main__ import main

    options = ("--task", "mlm", "--runner", "PortableRunner", "--job_endpoint", silent)
    assert main(arguments(tmp_path / "out", *options, "--environment_type", "LOOPBACK")) == 1
    assert capsys.readouterr().err.startswith("error: no job service answers")
    assert not (tmp_path / "out").exists()


def test_a_job_may_take_longer_than_an_answer() -> None:
    prism = engine("--runner", "PrismRunner")
    await_services(prism)

    assert prism.options.view_as(PortableOptions).job_server_timeout > 10**6


def with_memory(monkeypatch: pytest.MonkeyPatch, n_bytes: int) -> None:
    monkeypatch.setattr(requirements, "memory_bytes", lambda: n_bytes)


def test_a_local_shuffle_needs_room_on_its_disk_and_no_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_memory(monkeypatch, 1)
    monkeypatch.setattr(requirements, "scratch_parent", lambda: tmp_path)
    free = shutil.disk_usage(tmp_path).free
    check_shuffle_room(engine(), free // 2)
    with pytest.raises(UsageError, match=rf"about .* GB, but .* free in {tmp_path}: set TMPDIR"):
        check_shuffle_room(engine(), 2 * free)


def test_prism_shuffles_in_memory_and_clusters_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    with_memory(monkeypatch, GB)
    check_shuffle_room(engine("--runner", "FlinkRunner"), 10**15)
    check_shuffle_room(engine("--runner", "PrismRunner"), 10**6)
    with pytest.raises(UsageError, match=r"in memory on PrismRunner.*of text, this .* has 1\.0 GB"):
        check_shuffle_room(engine("--runner", "PrismRunner"), GB)


def test_prism_is_known_by_its_silence_about_options(monkeypatch: pytest.MonkeyPatch) -> None:
    known = frozenset({"flink_master"})
    there = engine("--runner", "PortableRunner", "--job_endpoint", "localhost:1")
    monkeypatch.setattr(requirements, "described_options", lambda _: known)
    check_shuffle_room(there, 10**15)
    monkeypatch.setattr(requirements, "described_options", lambda _: frozenset())
    with pytest.raises(UsageError, match="in memory on PortableRunner"):
        check_shuffle_room(there, 10**15)
