"""`--overwrite`: the new dataset is made beside the old one, which stays whole until then."""

import json
import shutil
import subprocess
from pathlib import Path

import datasets
import pytest

from beam_pipeline.output import finishing
from beam_pipeline.verify import main as verify
from tests.jobs import SMALL_PARTS, TOKENIZER, files_of, run
from transforms.storage.generations import read_manifest
from transforms.storage.lease import LEASE_NAME, _machine

OTHER = (*SMALL_PARTS, "--seed", "3", "--masking", "static")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("made") / "out"
    assert run(output, *SMALL_PARTS) == 0
    return output


@pytest.fixture
def output(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def every_file(output: Path) -> dict[str, bytes]:
    return {str(p.relative_to(output)): p.read_bytes() for p in output.rglob("*") if p.is_file()}


def other_tokenizer(folder: Path) -> Path:
    """Return a tokenizer with other bytes and the same ids."""
    folder.mkdir()
    for path in TOKENIZER.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=3))
    return folder


@pytest.mark.parametrize("tokenizer", ["the same", "another"])
def test_a_job_that_fails_leaves_every_file_of_the_old_dataset(
    output: Path, tmp_path: Path, tokenizer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = TOKENIZER if tokenizer == "the same" else other_tokenizer(tmp_path / "tokenizer")
    before = every_file(output)

    options = (*OTHER, "--overwrite", "--max_rejected_fraction", "0")
    assert run(output, *options, tokenizer=named) == 3
    after = every_file(output)
    assert before.items() <= after.items()
    assert any(name.startswith("train/000002/") for name in after)
    capsys.readouterr()
    assert verify([str(output)]) == 1
    found = capsys.readouterr().out.splitlines()[:-1]
    assert all("no manifest names it" in line for line in found), found

    # The same command goes on from there, and removes the old dataset at its end.
    assert run(output, *OTHER, "--overwrite", tokenizer=named) == 0
    manifest = read_manifest(str(output))
    assert manifest.generation == 2
    folder = "tokenizer" if tokenizer == "the same" else "tokenizer/000002"
    assert manifest.tokenizer.folder == folder
    assert verify([str(output)]) == 0
    left = files_of(output)
    assert {name.split("/")[1] for name in left if name.startswith("train/")} == {"000002"}
    names = [f"000002{end}" for end in ("-figures.json", "-summary.json", ".json")]
    assert sorted(path.name for path in (output / "manifests").iterdir()) == names
    assert {name for name in left if name.startswith("tokenizer/")} == {
        f"{folder}/{path.name}" for path in TOKENIZER.iterdir()
    }
    assert not (output / "train/000001").exists()
    # Nothing is to do any more, by the same options.
    assert run(output, *OTHER, tokenizer=named) == 0
    assert files_of(output) == left


def test_the_finished_shards_of_a_failed_overwrite_are_kept(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(output, *OTHER, "--overwrite", "--max_rejected_fraction", "0") == 3
    n_shards = len(list(output.glob("train/000002/*")))
    capsys.readouterr()
    assert run(output, *OTHER, "--overwrite") == 0
    assert f"kept        {n_shards} shards" in capsys.readouterr().out


def test_what_follows_an_overwrite_goes_on_from_it(output: Path, tmp_path: Path) -> None:
    named = other_tokenizer(tmp_path / "tokenizer")
    more = tmp_path / "more.jsonl"
    more.write_text('{"text": "A fine film."}\n' * 40)
    assert run(output, *OTHER, "--overwrite", tokenizer=named) == 0
    assert run(output, *OTHER, "--append", "--input", more, tokenizer=named) == 0

    manifest = read_manifest(str(output))
    assert [generation.number for generation in manifest.generations] == [2, 3]
    assert manifest.tokenizer.path == "tokenizer/000002/tokenizer.json"
    next(output.glob("train/000003/*.arrow")).unlink()
    next(output.glob("train/000002/*.arrow")).unlink()
    assert verify([str(output), "--repair"]) == 0


@pytest.mark.parametrize("flag", ["--overwrite", "--overwrite=in_place"])
def test_what_no_job_wrote_stays_and_so_does_the_config_that_the_job_was_started_from(
    output: Path,
    flag: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    foreign = {
        "config.yaml": "max_length: 64 # as in the paper\n",
        "job.yaml": "seed: 3\n",
        "notes.txt": "mine",
        "train/000001/notes.txt": "mine",
        "tokenizer/notes.json": "mine",
    }
    for name, text in foreign.items():
        (output / name).write_text(text)

    assert run(output, *SMALL_PARTS, flag, "--config", output / "config.yaml") == 0
    assert {name: (output / name).read_text() for name in foreign} == foreign
    assert "config.yaml was not written by a job and stays as it is" in caplog.text
    capsys.readouterr()
    assert verify([str(output)]) == 1
    [found, _] = capsys.readouterr().out.splitlines()
    assert found.startswith("train/000001/notes.txt: no job wrote it")


@pytest.mark.draws_report
def test_a_report_that_no_job_wrote_stays_and_is_said_once_a_run(
    output: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = {
        "report.json": json.dumps({"report": "of somebody else"}),
        "report.html": "<!doctype html>\n<title>mine</title>",
    }
    for name, text in foreign.items():
        (output / name).write_text(text)

    assert run(output, *SMALL_PARTS, "--overwrite") == 0
    said = [text for text in caplog.messages if "was not written by a job" in text]
    assert said == [
        f"{output}/{name} was not written by a job and stays as it is" for name in foreign
    ]
    assert "report      not written" in capsys.readouterr().out
    # What somebody else wrote does not make the dataset an unfinished one.
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    assert run(output, *SMALL_PARTS) == 0
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before
    assert {name: (output / name).read_text() for name in foreign} == foreign


def test_a_foreign_manifest_json_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "a web app"}')
    for flag in ("--overwrite", "--overwrite=in_place"):
        assert run(tmp_path, *SMALL_PARTS, flag) == 1
        assert "is no manifest of a dataset: move it away" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_damaged_manifest_is_replaced(output: Path) -> None:
    (output / "manifest.json").write_text("{")
    assert run(output, *SMALL_PARTS, "--overwrite") == 0
    assert read_manifest(str(output)).generation == 2
    assert verify([str(output)]) == 0


def test_in_place_removes_first_and_a_reader_is_told_so(
    output: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = (*OTHER, "--overwrite=in_place")
    assert run(output, *options, "--max_rejected_fraction", "0") == 3
    assert not (output / "manifest.json").exists()
    with pytest.raises(FileNotFoundError, match="no-dataset-yet"):
        datasets.load_dataset(str(output), cache_dir=str(tmp_path / "cache"))

    n_shards = len(list(output.glob("train/000001/*")))
    capsys.readouterr()
    assert run(output, *options) == 0
    assert f"kept        {n_shards} shards" in capsys.readouterr().out
    assert read_manifest(str(output)).generation == 1


def test_a_failed_append_leaves_every_file_of_the_dataset(output: Path, tmp_path: Path) -> None:
    before = every_file(output)
    bad = tmp_path / "bad.jsonl"
    bad.write_text("no review\n" * 50)

    assert run(output, *SMALL_PARTS, "--append", "--input", bad) == 3
    assert before.items() <= every_file(output).items()


class _Killed(BaseException):
    """What comes through every `except` of the job."""


@pytest.mark.draws_report
@pytest.mark.parametrize(
    ("step", "flag"),
    [("remove_unnamed", "--overwrite"), ("write_card", "--append"), ("write_report", "--append")],
)
def test_a_run_that_dies_after_its_commit_is_completed_by_the_next(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, flag: str
) -> None:
    (tmp_path / "new.jsonl").write_text('{"text": "A fine film."}\n' * 40)
    same = (*SMALL_PARTS, "--input", tmp_path / "new.jsonl")
    again = (*same, "--append") if flag == "--append" else same

    def die(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patched, pytest.raises(_Killed):
        patched.setattr(finishing, step, die)
        run(output, *same, flag)
    plan = output / "plan/0123456789abcdef/splits-0123456789abcdef.parquet"
    plan.parent.mkdir(parents=True)
    plan.write_bytes(b"of the run that died")
    committed = (output / "manifest.json").read_bytes()

    assert run(output, *again) == 0
    assert (output / "manifest.json").read_bytes() == committed
    report = json.loads((output / "report.json").read_text())
    assert report["dataset"]["generation"] == 2
    assert report["measured"]["reviews"] > 0
    assert (output / "report.html").is_file()
    assert "generation 2" in (output / "README.md").read_text()
    assert "new.jsonl" in (output / "config.yaml").read_text()
    assert not (output / "plan").exists()
    assert not (output / LEASE_NAME).exists()
    assert (output / "train/000001").exists() == (flag == "--append")
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    assert run(output, *again) == 0
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


def test_a_lease_that_a_killed_run_left_goes_with_the_next_run(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = every_file(output)
    with subprocess.Popen(["true"]) as dead:
        holder = {"machine": _machine(), "process": dead.pid, "token": "of the dead"}
    (output / LEASE_NAME).write_text(json.dumps(holder))

    assert run(output, *SMALL_PARTS) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert every_file(output).keys() == before.keys()


def test_nothing_to_do_neither_waits_for_a_run_elsewhere_nor_touches_its_lease(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = json.dumps({"machine": "another", "host": "another", "process": 1, "token": "theirs"})
    (output / LEASE_NAME).write_text(theirs)

    assert run(output, *SMALL_PARTS) == 0
    assert (output / LEASE_NAME).read_text() == theirs
    assert caplog.messages == []
