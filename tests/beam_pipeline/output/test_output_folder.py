"""Nothing is ever removed but what a job wrote there."""

from pathlib import Path

import pytest

from beam_pipeline.clean import main
from tests.beam_pipeline.jobs import files_of, run

FOREIGN = [
    "train/photo.arrow",
    "train/deep/0000000-0000.arrow",
    "train/000001/photo.arrow",
    "train/000001/deep/0000000-0000.arrow",
    "train/0000000-0000.txt",
    "tokenizer/notes.json",
    "rejected/mended.jsonl",
    "notes.txt",
    ".hidden.tmp",
]
LEAVINGS = [
    "train/000007/0000000-0000.arrow",
    "train/9999999-0000.arrow",
    "validation/000001/.0000000-0000.arrow.12-34.tmp",
]


def _put(output: Path, names: list[str]) -> None:
    for name in names:
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text("somebody's")


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_a_job_leaves_what_is_not_its_own(tmp_path: Path, options: tuple[str, ...]) -> None:
    _put(tmp_path, FOREIGN + LEAVINGS)
    assert run(tmp_path, *options) == 0
    left = files_of(tmp_path)
    assert {name: left.get(name) for name in FOREIGN} == dict.fromkeys(FOREIGN, b"somebody's")
    assert not set(LEAVINGS) & set(left)


def test_clean_removes_what_no_manifest_names_and_a_dry_run_only_says_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    before = files_of(tmp_path)
    _put(tmp_path, FOREIGN + LEAVINGS)
    capsys.readouterr()
    assert main([str(tmp_path), "--dry_run"]) == 0
    assert capsys.readouterr().out == "\n".join([*LEAVINGS, "3 files would be removed", ""])
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "\n".join([*LEAVINGS, "3 files removed", ""])
    assert files_of(tmp_path) == {**before, **dict.fromkeys(FOREIGN, b"somebody's")}


def test_clean_needs_a_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _put(tmp_path, LEAVINGS)
    assert main([str(tmp_path)]) == 1
    assert "has no manifest.json" in capsys.readouterr().err
    assert set(files_of(tmp_path)) == set(LEAVINGS)
