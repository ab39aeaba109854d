"""Which engine is chosen; the runs themselves are in test_determinism."""

import os
import re

import pytest

from beam_pipeline.engines.engine import SMALL_TEXT_BYTES, choose_engine, n_cores
from transforms.functional.errors import UsageError

LARGE = SMALL_TEXT_BYTES + 1
CORES = n_cores()


@pytest.mark.parametrize(
    ("arguments", "text_bytes", "n_splits", "name"),
    [
        ([], SMALL_TEXT_BYTES, 9, "local, in this process"),
        ([], LARGE, 1, "local, in this process"),
        ([], LARGE, 10**6, f"local, {CORES} worker processes"),
        (["--runner", "DirectRunner"], LARGE, 10**6, f"local, {CORES} worker processes"),
        (["--direct_running_mode", "in_memory"], LARGE, 9, "local, in this process"),
        (["--direct_num_workers", "3"], 1, 1, "local, 3 worker processes"),
        (["--direct_num_workers=3"], 1, 1, "local, 3 worker processes"),
        (["--direct_running_mode=multi_processing"], 1, 1, "local, 1 worker process"),
        (["--direct_num_workers", "0"], 1, 1, f"local, {CORES} worker processes"),
    ],
)
@pytest.mark.skipif(CORES < 2, reason="one core has no worker processes")
def test_a_large_input_gets_a_process_for_each_core_unless_told_otherwise(
    arguments: list[str], text_bytes: int, n_splits: int, name: str
) -> None:
    engine = choose_engine(arguments, text_bytes, n_splits)
    assert engine.name == name
    assert engine.local


@pytest.mark.parametrize(
    ("arguments", "text_bytes", "n_splits", "threads"),
    [
        ([], 1, 1, 8),
        ([], LARGE, 3, 2),
        ([], LARGE, 100, 1),
        (["--direct_num_workers", "16"], 1, 1, 1),
    ],
)
def test_the_cores_are_shared_out_to_the_workers(
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    text_bytes: int,
    n_splits: int,
    threads: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert choose_engine(arguments, text_bytes, n_splits).threads == threads


def test_dask_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="DaskRunner ignores output tags"):
        choose_engine(["--runner", "DaskRunner"], 1, 1)


def test_an_unknown_runner_is_named() -> None:
    with pytest.raises(UsageError, match="FlickRunner cannot be had"):
        choose_engine(["--runner", "FlickRunner"], 1, 1)


def test_cores_are_those_of_this_process_where_the_system_tells_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    assert n_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert n_cores() == 7


def test_a_job_has_a_name_of_its_own_on_the_engine_s_page() -> None:
    prism = ["--runner", "PrismRunner"]
    names = {choose_engine(prism, 1, 1).job_name for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch("review-shards-[0-9a-f]{8}", name) for name in names)
    assert choose_engine([*prism, "--job_name", "nightly"], 1, 1).job_name == "nightly"
