"""Labels that are numbers or lists of classes: whole jobs, and what the command line says."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_pipeline.inspect import main as inspect
from tests.jobs import run
from tests.oracle import Dataset, check_files, make, sample_texts

ROWS = ("--task", "classification", "--max_length", "32")
MULTI = (*ROWS, "--problem_type", "multi_label_classification")
REGRESSION = (*ROWS, "--problem_type", "regression")
WORDS = ("plot", "acting", "music")
TEXTS = sample_texts()
LISTS = [[word for word in WORDS if word in text] for text in TEXTS]
# In alphabetical order, as the job numbers them.
HOT = [[float(word in names) for word in sorted(WORDS)] for names in LISTS]
RATINGS = [len(text) % 19 / 2 + 1 for text in TEXTS]


def write(path: Path, labels: Sequence[Any], texts: Sequence[str] = TEXTS) -> Path:
    """Write reviews in the format that a path's ending says; CSV holds lists as JSON."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"text": list(texts), "label": pa.array(labels)}), path)
        return path
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            cells = [json.dumps(label) for label in labels]
            csv.writer(file).writerows([("text", "label"), *zip(texts, cells, strict=True)])
        else:
            for text, label in zip(texts, labels, strict=True):
                file.write(json.dumps({"text": text, "label": label}) + "\n")
    return path


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a dataset with lists of names, of several shards in another order."""
    folder = tmp_path_factory.mktemp("several")
    options = (*MULTI, "--order", "shuffled", "--part_bytes", "20000", "--overflow", "windows")
    reviews = write(folder / "in.parquet", LISTS)
    return make(folder / "out", *options, "--stride", "4", reviews=reviews)


def test_lists_of_names_are_multi_hot_in_every_window_of_a_review(several: Dataset) -> None:
    check_files(several)
    assert several.manifest.label_numbers == {"acting": 0, "music": 1, "plot": 2}
    labels, records = several.column("labels"), several.column("record")
    assert len(labels) > len(TEXTS)
    assert labels == [HOT[record] for record in records]


def test_hugging_face_loads_the_column_as_its_own_loss_wants_it(several: Dataset) -> None:
    loaded = datasets.load_dataset(str(several.folder), split="train").with_format("numpy")
    labels = np.stack(loaded["labels"][:])
    assert labels.dtype == np.float32
    assert labels.tolist() == [HOT[record] for record in loaded["record"][:].tolist()]


def test_inspect_names_the_classes_of_a_row(
    several: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(at for at, hot in enumerate(several.column("labels")) if sum(hot) == 2)
    names = [name for name, hot in zip(sorted(WORDS), several.column("labels")[row], strict=True)
             if hot]  # fmt: skip
    assert inspect([str(several.folder), "--row", str(row)]) == 0
    shown = capsys.readouterr().out
    assert f"label       {', '.join(names)}\n" in shown
    assert "now(masked)" not in shown
    figures = json.loads((several.folder / "report.json").read_text())
    assert figures["measured"]["labels"] == [
        [place, int(count)] for place, count in enumerate(np.sum(HOT, axis=0))
    ]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
@pytest.mark.parametrize("form", ["names", "numbers", "multi-hot"])
def test_the_same_classes_come_out_of_every_format_and_form(
    tmp_path: Path, ending: str, form: str
) -> None:
    forms: dict[str, list[Any]] = {
        "names": LISTS,
        "numbers": [[WORDS.index(name) for name in names] for names in LISTS],
        "multi-hot": [[float(word in names) for word in WORDS] for names in LISTS],
    }
    reviews = write(tmp_path / f"in.{ending}", forms[form])
    dataset = make(tmp_path / "out", *MULTI, "--label_names", ",".join(WORDS), reviews=reviews)
    assert dataset.column("labels") == forms["multi-hot"]
    assert dataset.manifest.label_numbers == {"plot": 0, "acting": 1, "music": 2}


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_integers_that_may_be_either_stop_the_job_unless_the_schema_says_what_they_are(
    tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = write(tmp_path / f"in.{ending}", [[0, 1], [1, 0]] * 5, TEXTS[:10])
    assert run(tmp_path / "out", *MULTI, reviews=reviews) == 3
    assert "10 of 10 records were rejected" in capsys.readouterr().err
    if ending == "parquet":
        names = {"feature": {"names": ["neg", "pos"], "_type": "ClassLabel"}, "_type": "List"}
        info = json.dumps({"info": {"features": {"label": names}}})
        table = pq.read_table(reviews).replace_schema_metadata({"huggingface": info})
        pq.write_table(table, reviews)
        dataset = make(tmp_path / "named", *MULTI, reviews=reviews)
        assert dataset.column("labels") == [[1, 1]] * 10


def test_classes_without_names_are_called_by_their_numbers(tmp_path: Path) -> None:
    reviews = write(tmp_path / "in.jsonl", [[3], [0, 1], []], TEXTS[:3])
    dataset = make(tmp_path / "out", *MULTI, reviews=reviews)
    assert dataset.column("labels") == [[0, 0, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert dataset.manifest.label_numbers == {"0": 0, "1": 1, "2": 2, "3": 3}


def test_an_append_that_brings_a_class_lengthens_new_rows_only(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "a.jsonl", [["b"], ["a", "b"]], TEXTS[:2])
    make(tmp_path / "out", *MULTI, reviews=tmp_path / "in")
    write(tmp_path / "in" / "b.jsonl", [["aa"], ["b"]], TEXTS[2:4])
    dataset = make(tmp_path / "out", *MULTI, "--append", reviews=tmp_path / "in")
    assert dataset.manifest.label_numbers == {"a": 0, "b": 1, "aa": 2}
    assert dataset.column("labels") == [[0, 1], [1, 1], [0, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_ratings_stay_the_numbers_that_they_are(tmp_path: Path, ending: str) -> None:
    reviews = write(tmp_path / f"in.{ending}", RATINGS)
    options = (*REGRESSION, "--padding", "longest")
    dataset = make(tmp_path / "out", *options, reviews=reviews)
    assert dataset.column("labels") == RATINGS
    assert dataset.table().schema.field("labels").type == pa.float32()
    assert dataset.manifest.label_numbers is None
    assert dataset.manifest.ledger.reviews.unlabelled == 0


@pytest.mark.parametrize(
    ("options", "labels", "reasons"),
    [
        (
            REGRESSION,
            [1.5, None, "seven", -1, "7"],
            {"label is null", "label 'seven' is not a finite number"},
        ),
        (
            MULTI,
            [["a"], None, ["a", 1], [], ["b"]],
            {
                "label is null",
                "label '[\"a\", 1]' holds values of more than one kind, or null",
            },
        ),
    ],
    ids=["numbers", "lists"],
)
def test_a_record_without_such_a_label_is_rejected_with_its_reason(
    tmp_path: Path, options: tuple[str, ...], labels: list[Any], reasons: set[str]
) -> None:
    reviews = write(tmp_path / "in.jsonl", labels, TEXTS[:5])
    dataset = make(tmp_path / "out", *options, "--max_rejected_fraction", "1", reviews=reviews)
    assert len(dataset.column("labels")) == 3
    (rejected,) = (dataset.folder / "rejected").rglob("*.jsonl")
    lines = [json.loads(line) for line in rejected.read_text().splitlines()]
    assert {line["reason"] for line in lines} == reasons


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((*REGRESSION, "--label_names", "a,b"), "--label_names a,b names classes"),
        ((*MULTI, "--keep_unlabelled"), "--keep_unlabelled goes with --problem_type single_label"),
        ((*REGRESSION, "--label_from_path"), "--label_from_path goes with --problem_type single"),
        (
            ("--task", "mlm", "--problem_type", "regression"),
            "--problem_type regression goes with --task classification, got --task mlm",
        ),
        (ROWS, "holds list<element: string>, not class labels: pass --problem_type multi_label"),
        (REGRESSION, "holds list<element: string>, not numbers: pass --problem_type multi_label"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    reviews = write(tmp_path / "in.parquet", LISTS)
    assert run(tmp_path / "out", *options, reviews=reviews) in (1, 2)
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_another_problem_type_is_another_dataset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = write(tmp_path / "in.jsonl", [1, 2], TEXTS[:2])
    make(tmp_path / "out", *ROWS, reviews=reviews)
    assert run(tmp_path / "out", *REGRESSION, reviews=reviews) == 1
    assert "holds another dataset (--problem_type None)" in capsys.readouterr().err
