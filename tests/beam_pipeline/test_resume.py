"""A rerun keeps what is finished, makes the rest, and ends with the same bytes."""

import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from beam_pipeline.verify import main as verify
from tests.beam_pipeline.jobs import files_of, run, start

OPTIONS = ("--validation_fraction", "0.5", "--remainder", "pad")


@pytest.fixture(scope="module", params=["input", "shuffled"])
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("undisturbed") / request.param
    assert run(output, "--order", request.param, *OPTIONS) == 0
    return output


def _again(undisturbed: Path, output: Path) -> int:
    return run(output, "--order", undisturbed.name, *OPTIONS)


def _copy_unfinished(undisturbed: Path, output: Path) -> dict[str, bytes]:
    files = files_of(undisturbed)
    for name, data in files.items():
        if name.startswith("manifest"):
            continue
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_bytes(data)
    return files


def test_missing_and_damaged_shards_are_made_again_and_the_others_kept(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = _copy_unfinished(undisturbed, tmp_path)
    parts = [Path(name).name for name in files if name.startswith("train/")]
    # A part that gave one subset no row has no shard there to be found; it is made again.
    whole = [part for part in parts if f"validation/000001/{part}" in files]
    assert len(whole) > 8
    (tmp_path / "train/000001" / whole[1]).unlink()
    (tmp_path / "train/000001" / whole[2]).write_bytes(b"")
    (tmp_path / "train/000001" / whole[3]).write_bytes(files[f"train/000001/{whole[4]}"])
    assert _again(undisturbed, tmp_path) == 0
    assert files_of(tmp_path) == files
    kept = 2 * (len(whole) - 3)
    assert f"kept        {kept} shards" in capsys.readouterr().out


def test_shards_of_other_options_are_not_kept_and_leavings_go(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _copy_unfinished(undisturbed, tmp_path)
    (tmp_path / "train/000001/9999999-0000.arrow").write_bytes(b"left by some other run")
    assert run(tmp_path, "--seed", "7", "--masking", "static") == 0
    assert "kept" not in capsys.readouterr().out
    fresh = tmp_path.with_name("fresh")
    assert run(fresh, "--seed", "7", "--masking", "static") == 0
    assert files_of(tmp_path) == files_of(fresh)


def test_a_finished_dataset_is_left_alone(
    undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")}
    assert _again(undisturbed, undisturbed) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")} == before


def test_another_dataset_is_refused_with_what_differs(
    undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(undisturbed, "--max_length", "64") == 1
    error = capsys.readouterr().err
    assert "--max_length 32" in error
    assert "--overwrite" in error


def test_a_changed_input_is_refused_and_overwritten_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = tmp_path / "in.txt"
    reviews.write_text("a good film\n" * 50)
    output = tmp_path / "out"
    assert run(output, reviews=reviews) == 0
    reviews.write_text("a bad film, a very bad film\n" * 50)
    assert run(output, reviews=reviews) == 1
    assert "in.txt has changed since" in capsys.readouterr().err
    assert run(output, "--overwrite", reviews=reviews) == 0
    assert json.loads((output / "manifest.json").read_text())["inputs"][0]["bytes"] == 1400


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_job_killed_at_any_moment_is_finished_by_a_rerun(
    undisturbed: Path, tmp_path: Path, seed: int
) -> None:
    options = ("--order", undisturbed.name, *OPTIONS)
    workers = ("--direct_num_workers", "2") if seed % 2 else ("--direct_running_mode", "in_memory")
    job = start(tmp_path, *options, *workers)
    try:
        job.wait(random.Random(seed).uniform(0.8, 2.5))
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
    # A manifest that is there already, in the moment before the process ends, is a true one.
    if (tmp_path / "manifest.json").exists():
        assert verify([str(tmp_path)]) == 0
    assert _again(undisturbed, tmp_path) == 0
    files = files_of(tmp_path)
    # What a kill may leave behind is a temporary file that no manifest names.
    files = {name: data for name, data in files.items() if not name.endswith(".tmp")}
    assert files == files_of(undisturbed)


@pytest.mark.slow
def test_what_an_engine_has_made_and_counted_before_is_not_missing_in_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run on an engine ended before its manifest: shards lie there, and notes of them."""
    engine = (
        *("--runner", "PortableRunner", "--job_endpoint", "embed"),
        *("--environment_type", "LOOPBACK"),
    )
    whole, output = tmp_path / "whole", tmp_path / "out"
    assert run(whole, *OPTIONS, *engine) == 0
    assert not list(whole.glob("manifests/*-parts"))
    # The contract fails the job behind the last shard.
    never = tmp_path / "never.yaml"
    never.write_text("min_reviews: 1000000\n")
    assert run(output, *OPTIONS, *engine, "--expect", str(never)) == 4
    notes = sorted(output.glob("manifests/000001-parts/*.npz"))
    assert len(notes) > 8
    notes[0].write_bytes(b"damaged")
    capsys.readouterr()

    assert run(output, *OPTIONS) == 0

    assert files_of(output) == files_of(whole)
    assert "that an earlier run had finished" in capsys.readouterr().out
    found, expected = (
        json.loads((folder / "report.json").read_text())["measured"] for folder in (output, whole)
    )
    assert 0.8 * expected["reviews"] < found["reviews"] < expected["reviews"]
    assert not list(output.glob("manifests/*-parts"))
