"""What `--exclude` and `--append` compare reviews with: planned before the job runs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.deduplication import DedupFiles, list_dedup_files
from beam_pipeline.plan.listing import list_inputs
from tests.beam_pipeline.jobs import run
from transforms.functional.errors import UsageError
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.reviews.duplicates import EARLIER, EXCLUDED
from transforms.storage.generations import read_manifest


def _config(folder: Path, **options: object) -> JobConfig:
    options = {"task": "mlm", "output": "out", "tokenizer": "t", **options}
    return JobConfig(input=(str(folder / "in.txt"),), **options)


def _listed(config: JobConfig, earlier=None) -> list[DedupFiles]:
    label = config.label_column if config.reads_labels else None
    columns = ReviewColumns(text=config.text_column, label=label)
    return list_dedup_files(config, list_inputs(config.input).files, earlier, columns)


def _paths(files: DedupFiles) -> list[str]:
    return [Path(file.path).name for split in files.splits for file in split.files]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in.txt").write_text("one\ntwo\n")
    (tmp_path / "test").mkdir()
    for name in ("a.csv", "b.jsonl"):
        (tmp_path / "test" / name).write_text("")
    return tmp_path


def test_nothing_is_compared_unless_asked(folder: Path) -> None:
    assert _listed(_config(folder)) == []
    assert _listed(_config(folder, dedup="exact")) == []


def test_an_excluded_input_is_read_as_the_inputs_are(folder: Path) -> None:
    (files,) = _listed(
        _config(folder, text_column="body", exclude=(str(folder / "test"),), part_bytes=1000)
    )

    assert _paths(files) == ["a.csv", "b.jsonl"]
    assert files.source.origin == EXCLUDED
    assert files.source.columns == ReviewColumns(text="body")
    assert files.entry is not None
    assert (files.entry.path, files.entry.bytes) == (str(folder / "test"), 0)


def test_the_entry_changes_with_the_files_and_not_with_the_order(folder: Path) -> None:
    names = (str(folder / "test" / "a.csv"), str(folder / "test" / "*.jsonl"))

    def entries(*exclude: str) -> list[object]:
        return [files.entry for files in _listed(_config(folder, exclude=exclude))]

    before = entries(*names)
    assert entries(*reversed(names)) == before
    (folder / "test" / "b.jsonl").write_text('{"text": "new"}\n')
    after = entries(*names)
    # Sorted by name: the glob comes first.
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_class_folders_leave_out_what_is_no_review(folder: Path) -> None:
    for name in ("pos/1.txt", "neg/1.txt", "README"):
        (folder / "acl" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "acl" / name).write_text(name)
    exclude = (str(folder / "acl"),)

    (files,) = _listed(
        _config(folder, task="classification", label_from_path=True, exclude=exclude)
    )
    assert _paths(files) == ["1.txt", "1.txt"]


@pytest.mark.parametrize("name", ["in.txt", "*.txt", "."])
def test_an_input_of_the_job_cannot_be_excluded(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"in\.txt, which is an input of this job"):
        _listed(_config(folder, exclude=(str(folder / name),)))


def test_what_is_not_there_is_named_with_its_option(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"--exclude .*/missing: no input matches"):
        _listed(_config(folder, exclude=(str(folder / "missing"),)))


def test_a_dataset_stands_for_its_inputs_read_as_they_were(folder: Path) -> None:
    (folder / "test" / "a.csv").write_text("body,x\nthree,1\n")
    made = folder / "made"
    assert run(made, "--text_column", "body", reviews=folder / "test" / "a.csv") == 0

    config = _config(folder, exclude=(str(made),), dedup="exact")
    (files,) = _listed(config)
    assert _paths(files) == ["a.csv"]
    assert files.source.columns == ReviewColumns(text="body")

    # The same dataset as the earlier generation of the job: its own columns are the job's.
    (files,) = _listed(replace(config, exclude=()), read_manifest(str(made)))
    assert files.source.origin == EARLIER
    assert files.source.columns == ReviewColumns(text="text")
    assert files.entry is None


def test_labels_of_earlier_reviews_are_read_as_they_were(folder: Path) -> None:
    """A record without a label was rejected, so its text is no earlier review."""
    rows = [{"text": "one", "label": "pos"}, {"text": "two", "label": "neg"}, {"text": "three"}]
    reviews = folder / "test" / "b.jsonl"
    reviews.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("--task", "classification", "--max_rejected_fraction", "1")
    assert run(folder / "made", *options, reviews=reviews) == 0

    config = _config(folder, task="classification", dedup="exact")
    (files,) = _listed(config, read_manifest(str(folder / "made")))
    assert files.source.columns == ReviewColumns(
        text="text", label="label", label_numbers={"neg": 0, "pos": 1}
    )
