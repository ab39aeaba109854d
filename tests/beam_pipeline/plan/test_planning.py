"""The plan: what is wrong with the inputs is found before the job runs."""

import gzip
import time
from pathlib import Path

import pyarrow as pa
import pytest

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import Plan, make_plan
from tests.transforms.functional.readers.files import arrow_file, parquet_file
from transforms.functional.errors import InputError, MissingColumnError, UsageError
from transforms.reading import read_split


def _plan(folder: Path, task: str = "mlm", **options: object) -> Plan:
    options.setdefault("input", (str(folder),))
    part_bytes = options.pop("part_bytes", None)
    config = JobConfig(output="out", tokenizer="t", task=task, **options)
    if part_bytes:  # Less than the option may be: it cuts tiny files often.
        object.__setattr__(config, "part_bytes", part_bytes)
    return make_plan(config)


def _read(plan: Plan, sample_by="line", part_bytes: int = 1 << 20) -> list[dict]:
    return [
        row
        for split in plan.splits
        for part in read_split(
            split, columns=plan.labels.columns, sample_by=sample_by, part_bytes=part_bytes
        )
        for row in part.reviews.to_pylist()
    ]


def _acl_imdb(root: Path) -> Path:
    """The layout of aclImdb, with files that are no reviews."""
    for split in ("train", "test"):
        for label in ("pos", "neg", "unsup") if split == "train" else ("pos", "neg"):
            folder = root / split / label
            folder.mkdir(parents=True)
            for i in range(3):
                (folder / f"{i}_7.txt").write_text(f"{split} {label} {i}\nsecond line")
            (root / split / f"urls_{label}.txt").write_text("http://example.org\n")
        (root / split / "labeledBow.feat").write_text("1 0:9\n")
    (root / "README").write_text("Large Movie Review Dataset\n")
    (root / "imdb.vocab").write_text("the\n")
    return root


@pytest.mark.parametrize("sample_by", ["line", "document"])
def test_the_acl_imdb_layout_gives_labels_from_folders(tmp_path, sample_by):
    plan = _plan(_acl_imdb(tmp_path), "classification", label_from_path=True, sample_by=sample_by)
    assert plan.labels.numbers == {"neg": 0, "pos": 1, "unsup": -1}
    assert not plan.labels.are_names
    assert len(plan.files) == 15
    urls = ["urls_neg.txt", "urls_neg.txt", "urls_pos.txt", "urls_pos.txt", "urls_unsup.txt"]
    assert [Path(file.path).name for file in plan.passed_over] == ["README"]
    others = ["imdb.vocab", "labeledBow.feat", "labeledBow.feat"]
    assert sorted(Path(file.path).name for file in plan.ignored) == [*others, *urls]
    rows = _read(plan, sample_by)
    assert len(rows) == {"line": 30, "document": 15}[sample_by]
    labels = {row["text"].split()[1]: row["label"] for row in rows if row["text"] != "second line"}
    assert labels == {"neg": 0, "pos": 1, "unsup": -1}
    assert sorted({row["source"] for row in rows}) == list(range(15))


def test_folders_with_numbers_for_names_keep_their_numbers(tmp_path):
    for name in ("5", "-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
    plan = _plan(tmp_path, "classification", label_from_path=True)
    assert {row["text"]: row["label"] for row in _read(plan)} == {"5": 5, "-1": -1}


@pytest.mark.slow
def test_twenty_thousand_one_review_files_in_bounded_time(tmp_path):
    for label in ("neg", "pos"):
        (tmp_path / label).mkdir()
        for i in range(10_000):
            (tmp_path / label / f"{i}.txt").write_bytes(b"A film. " * 10)
    started = time.monotonic()
    plan = _plan(tmp_path, "classification", label_from_path=True, sample_by="document")
    rows = _read(plan, "document")
    assert time.monotonic() - started < 30
    assert len(rows) == 20_000
    assert sum(row["label"] for row in rows) == 10_000
    assert {row["text"] for row in rows} == {"A film. " * 10}
    assert len(plan.splits) < 20


@pytest.mark.parametrize("part_bytes", [1, 10, 100, 1000])
def test_a_document_is_read_once_whatever_its_size(tmp_path, part_bytes):
    """A file larger than a part must not be cut into ranges, each of which reads it all."""
    texts = [f"{i}\n" * 50 for i in range(4)]
    for i, text in enumerate(texts):
        (tmp_path / f"{i}.txt").write_text(text)
    plan = _plan(tmp_path, sample_by="document", part_bytes=part_bytes)
    assert [row["text"] for row in _read(plan, "document", part_bytes)] == texts


@pytest.mark.parametrize("part_bytes", [1, 7, 64, 1000, 1 << 20])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.parquet", "a.arrow", "a.csv", "a.txt.gz"])
def test_every_review_is_read_once_whatever_the_parts(tmp_path, name, part_bytes):
    texts = [f"review {i} " + "x" * (i % 23) for i in range(60)]
    table = pa.table({"id": range(60), "text": texts})
    data = {
        "a.txt": "\r\n".join(texts).encode(),
        "a.jsonl": "\n\n".join(f'{{"text": "{text}"}}' for text in texts).encode(),
        "a.parquet": parquet_file(table, row_group_size=7),
        "a.arrow": arrow_file(table, rows=7),
        "a.csv": ("text\n" + "\n".join(texts)).encode(),
        "a.txt.gz": gzip.compress("\n".join(texts).encode()),
    }[name]
    (tmp_path / name).write_bytes(data)
    plan = _plan(tmp_path, part_bytes=part_bytes)
    rows = _read(plan, part_bytes=part_bytes)
    assert [row["text"] for row in rows] == texts
    if name in ("a.parquet", "a.arrow", "a.csv"):
        assert [row["record"] for row in rows] == list(range(60))
    else:
        assert len({row["record"] for row in rows}) == 60
    if part_bytes == 64 and name not in ("a.csv", "a.txt.gz"):
        assert len(plan.splits) > 5


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.parquet", parquet_file(pa.table({"review": ["a"]}))),
        ("a.arrow", arrow_file(pa.table({"review": ["a"]}))),
        ("a.csv", b"review\na\n"),
        ("a.csv.gz", gzip.compress(b"review\na\n", mtime=0)),
        ("a.tsv", b"review\n"),
        ("a.jsonl", b'{"review": "a"}\n'),
    ],
)
def test_a_missing_column_is_found_when_planning(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(MissingColumnError, match=rf"{name}: no column 'text'") as raised:
        _plan(tmp_path)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    "name", ["a.parquet", "a.arrow", "a.jsonl.gz", "a.csv.zst", "a.parquet.xz"]
)
def test_a_damaged_first_file_is_found_when_planning(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x1f\x8b\x08broken")
    with pytest.raises(InputError, match=rf"{name}: not readable as "):
        _plan(tmp_path)


def test_plain_text_has_no_label_column(tmp_path):
    (tmp_path / "a.txt").write_text("a\n")
    with pytest.raises(UsageError, match=r"a\.txt is plain text and has no label column"):
        _plan(tmp_path, "classification")


def test_options_that_no_input_makes_use_of_are_errors(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(UsageError, match="--sample_by document is for plain text"):
        _plan(tmp_path, sample_by="document")
    (tmp_path / "a.jsonl").rename(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="--text_column body: plain text has no columns"):
        _plan(tmp_path, text_column="body")


@pytest.mark.parametrize(
    ("contents", "named"),
    [
        ({"a.csv": b"text,label\nx,1\n"}, True),
        ({"a.jsonl": b'{"text": "x", "label": 1}\n'}, False),
        ({"a.jsonl": b"", "b.jsonl": b'{"text": "x", "label": "pos"}\n'}, True),
        ({"a.jsonl": b'{"text": "x", "label": null}\n{"text": "x", "label": "pos"}\n'}, True),
        (
            {
                "a.parquet": parquet_file(pa.table({"text": ["x"], "label": pa.nulls(1)})),
                "b.parquet": parquet_file(pa.table({"text": ["x"], "label": ["pos"]})),
            },
            True,
        ),
        ({"a.jsonl": b""}, False),
    ],
)
def test_labels_are_names_if_the_first_label_that_there_is_is_one(tmp_path, contents, named):
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    assert _plan(tmp_path, "classification").labels.are_names is named


def test_an_unknown_ending_names_the_file(tmp_path):
    (tmp_path / "reviews").write_text("a")
    with pytest.raises(UsageError, match="reviews from its ending: pass --input_format"):
        _plan(tmp_path)
    assert [row["text"] for row in _read(_plan(tmp_path, input_format="text"))] == ["a"]


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        ("data/train", "data"),
        ("data/train", "data/train"),
        ("data/train/*.txt", "data/../data/"),
        ("data", "link"),
        ("data", "data/train"),
    ],
)
def test_inputs_that_lie_in_the_output_are_refused(tmp_path, monkeypatch, inputs, output):
    """The job removes files that it did not make from `OUTPUT/train`: they could be the reviews."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "train").mkdir(parents=True)
    (tmp_path / "data" / "train" / "a.txt").write_text("a\n")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with pytest.raises(UsageError, match=r"the inputs in .*/data/train lie in --output "):
        make_plan(JobConfig(input=(inputs,), output=output, tokenizer="t", task="mlm"))


@pytest.mark.parametrize("output", ["data/out", "data/train2", "out", "s3://data"])
def test_an_output_beside_or_below_the_inputs_is_fine(tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "train").mkdir(parents=True)
    (tmp_path / "data" / "train" / "a.txt").write_text("a\n")
    plan = make_plan(JobConfig(input=("data",), output=output, tokenizer="t", task="mlm"))
    assert len(plan.files) == 1
