"""Labels and subsets as people have them: whole jobs, and what the command line says."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_pipeline.verify import main as verify
from tests.jobs import run
from tests.oracle import Dataset, make
from transforms.storage.generations import read_manifest

CLASSIFY = ("--task", "classification", "--max_length", "16", "--max_rejected_fraction", "0.2")
NAMED = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}
TEXTS = [f"film number {number}" for number in range(20)]


def labels_of(dataset: Dataset, subset: str = "train") -> Counter[int]:
    return Counter(dataset.column("labels", subset))


def reasons_of(dataset: Dataset) -> Counter[str]:
    files = (dataset.folder / "rejected").rglob("*.jsonl")
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return Counter(line["reason"] for line in lines)


def acl_tree(folder: Path) -> Path:
    """Write files as aclImdb has them, 3 of each kind."""
    for place in ("train/pos", "train/neg", "train/unsup", "test/pos", "test/neg"):
        (folder / place).mkdir(parents=True)
        for number in range(3):
            (folder / place / f"{number}.txt").write_text(f"A film in {place}, {number}.")
    (folder / "README").write_text("no review")
    return folder


def test_paths_say_the_subset_and_unlabelled_reviews_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = acl_tree(tmp_path / "aclImdb")
    options = (*CLASSIFY, "--label_from_path", "--subset_from_path")
    dataset = make(tmp_path / "out", *options, reviews=reviews)
    assert labels_of(dataset) == labels_of(dataset, "validation") == {0: 3, 1: 3}
    assert dataset.manifest.ledger.reviews.unlabelled == 3
    assert "+ 3 without a label" in capsys.readouterr().out

    shuffled = make(tmp_path / "two", *options, "--order", "shuffled", reviews=reviews)
    assert labels_of(shuffled) == labels_of(shuffled, "validation") == {0: 3, 1: 3}
    kept = make(tmp_path / "kept", *options, "--keep_unlabelled", reviews=reviews)
    assert labels_of(kept) == {0: 3, 1: 3, -1: 3}


def test_mixed_subsets_are_warned_of_and_paths_without_one_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = acl_tree(tmp_path / "aclImdb")
    make(tmp_path / "out", *CLASSIFY, "--label_from_path", reviews=reviews)
    assert "--subset_from_path keeps them apart" in caplog.text

    (tmp_path / "plain.jsonl").write_text('{"text": "a", "label": 1}\n')
    options = (*CLASSIFY, "--subset_from_path")
    assert run(tmp_path / "none", *options, reviews=tmp_path / "plain.jsonl") == 2
    assert "plain.jsonl lies in no folder such as train" in capsys.readouterr().err
    both = (*options, "--validation_fraction", "0.1")
    assert run(tmp_path / "none", *both, reviews=tmp_path / "plain.jsonl") == 2


def test_an_append_keeps_subsets_of_paths(tmp_path: Path) -> None:
    options = (*CLASSIFY, "--subset_from_path")
    for place, name in (("one", "train"), ("two", "test"), ("two", "train")):
        (tmp_path / place).mkdir(exist_ok=True)
        pq.write_table(
            pa.table({"text": TEXTS, "label": [len(name)] * 20}),
            tmp_path / place / f"{name}-0.parquet",
        )
    make(tmp_path / "out", *options, reviews=tmp_path / "one")
    more = ("--append", "--input", str(tmp_path / "two"))
    dataset = make(tmp_path / "out", *options, *more, reviews=tmp_path / "one")
    assert labels_of(dataset) == {5: 40}
    assert labels_of(dataset, "validation") == {4: 20}


def test_classes_of_hugging_face_keep_their_names(tmp_path: Path) -> None:
    table = pa.table({"text": TEXTS, "label": [*[0, 1] * 9, -1, 7]})
    table = table.replace_schema_metadata({"huggingface": json.dumps(NAMED)})
    pq.write_table(table, tmp_path / "a.parquet")
    dataset = make(tmp_path / "out", *CLASSIFY, reviews=tmp_path / "a.parquet")
    assert dataset.manifest.label_numbers == {"neg": 0, "pos": 1}
    assert labels_of(dataset) == {0: 9, 1: 9}
    assert reasons_of(dataset) == {"label 7 is not one of the labels (neg, pos)": 1}

    pq.write_table(table.slice(0, 4), tmp_path / "b.parquet")
    more = ("--append", "--input", str(tmp_path / "b.parquet"))
    dataset = make(tmp_path / "out", *CLASSIFY, *more, reviews=tmp_path / "a.parquet")
    assert labels_of(dataset) == {0: 11, 1: 11}
    assert dataset.manifest.label_numbers == {"neg": 0, "pos": 1}


@pytest.mark.parametrize("order", ["neg,pos", "pos,neg"])
def test_label_names_check_the_classes_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], order: str
) -> None:
    table = pa.table({"text": TEXTS, "label": [0, 1] * 10})
    table = table.replace_schema_metadata({"huggingface": json.dumps(NAMED)})
    pq.write_table(table, tmp_path / "a.parquet")
    code = run(tmp_path / "out", *CLASSIFY, "--label_names", order, reviews=tmp_path / "a.parquet")
    assert code == (0 if order == "neg,pos" else 1)
    if code:
        assert "its classes are neg, pos, but those of --label_names" in capsys.readouterr().err


def test_label_names_give_numbers_to_names_numbers_and_folders(tmp_path: Path) -> None:
    names = ("--label_names", "pos,neg")
    (tmp_path / "a.csv").write_text("text,label\n" + "good,pos\nbad,neg\nodd,1\nno,maybe\n" * 3)
    options = (*CLASSIFY, *names, "--max_rejected_fraction", "0.3")
    dataset = make(tmp_path / "out", *options, reviews=tmp_path / "a.csv")
    assert labels_of(dataset) == {0: 3, 1: 6}
    assert reasons_of(dataset) == {"label 'maybe' is not one of the labels (pos, neg)": 3}

    tree = acl_tree(tmp_path / "aclImdb")
    folders = make(tmp_path / "tree", *CLASSIFY, "--label_from_path", *names, reviews=tree)
    assert folders.manifest.label_numbers == {"pos": 0, "neg": 1, "unsup": -1}


def test_floats_of_a_csv_are_the_labels_that_they_are_in_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "a,1.0\nb,2.0\nc,10.0\n")
    pq.write_table(
        pa.table({"text": ["a", "b", "c"], "label": [1.0, 2.0, 10.0]}), tmp_path / "a.parquet"
    )
    for name in ("a.csv", "a.parquet"):
        dataset = make(tmp_path / name[2:], *CLASSIFY, reviews=tmp_path / name)
        assert dataset.column("labels") == [1, 2, 10]
        assert dataset.manifest.label_numbers is None


def test_a_fraction_among_numbers_is_no_label_in_any_format(tmp_path: Path) -> None:
    """As names they would be sorted as text: 1.0, 1.5, 10.0, 2.0."""
    (tmp_path / "a.csv").write_text("text,label\n" + "a,1.0\nb,1.5\nc,10.0\nd,2\n")
    pq.write_table(
        pa.table({"text": ["a", "b", "c", "d"], "label": [1.0, 1.5, 10.0, 2.0]}),
        tmp_path / "a.parquet",
    )
    for name in ("a.csv", "a.parquet"):
        options = (*CLASSIFY, "--max_rejected_fraction", "0.3")
        dataset = make(tmp_path / name[2:], *options, reviews=tmp_path / name)
        assert dataset.column("labels") == [1, 10, 2]
        (reason,) = reasons_of(dataset)
        assert reason.endswith("is not a 64-bit integer")


def test_the_labels_of_hive_folders_are_their_values(tmp_path: Path) -> None:
    for value in (1, 2, 10):
        folder = tmp_path / "in" / f"label={value}" / "day=2026-01-01"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"text": [f"text {value}"]}), folder / "a.parquet")
    dataset = make(tmp_path / "out", *CLASSIFY, "--label_from_path", reviews=tmp_path / "in")
    assert labels_of(dataset) == {1: 1, 2: 1, 10: 1}


def test_a_null_or_a_number_beside_names_rejects_its_record(tmp_path: Path) -> None:
    names = [["neg", "pos"][number % 2] for number in range(20)]
    folder = tmp_path / "in"
    folder.mkdir()
    mixed = [{"text": t, "label": n} for t, n in zip(TEXTS, [None, 3, *names[2:]], strict=True)]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mixed))
    pq.write_table(pa.table({"text": TEXTS, "label": [None, *names[1:]]}), folder / "b.parquet")
    pq.write_table(pa.table({"text": ["x"], "label": [1]}), folder / "c.parquet")
    pq.write_table(pa.table({"text": ["x"], "label": pa.nulls(1)}), folder / "d.parquet")
    dataset = make(tmp_path / "out", *CLASSIFY, reviews=folder)
    assert sum(labels_of(dataset).values()) == 37
    assert reasons_of(dataset) == {
        "label is null": 3,
        "label '3' is not one of the labels (neg, pos)": 1,
        "label 1 is not one of the labels (neg, pos)": 1,
    }


def test_an_append_with_other_classes_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, classes in (("a", ["neg", "pos"]), ("b", ["pos", "neg"])):
        info = {"info": {"features": {"label": {"names": classes, "_type": "ClassLabel"}}}}
        table = pa.table({"text": ["x", "y"], "label": [0, 1]})
        named = table.replace_schema_metadata({"huggingface": json.dumps(info)})
        pq.write_table(named, tmp_path / f"{name}.parquet")
    make(tmp_path / "out", *CLASSIFY, reviews=tmp_path / "a.parquet")
    more = ("--append", "--input", str(tmp_path / "b.parquet"))
    assert run(tmp_path / "out", *CLASSIFY, *more, reviews=tmp_path / "a.parquet") == 2
    assert "are pos, neg, but those of the dataset are neg, pos" in capsys.readouterr().err


def write_night(folder: Path, night: str, labels: str) -> None:
    """Write one CSV file, a review for each word."""
    rows = [f"{night} {number} {name},{name}\n" for number, name in enumerate(labels.split())]
    (folder / f"{night}.csv").write_text("text,label\n" + "".join(rows))


def test_an_append_may_name_new_classes_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers of old rows stay, and each night's rows can be made again with the names it had."""
    nights, out = tmp_path / "in", tmp_path / "out"
    nights.mkdir()
    options = (*CLASSIFY, "--max_rejected_fraction", "0.9", "--append", "--label_names")
    write_night(nights, "a", "pos neg mixed")  # One is rejected: nobody knows it yet.
    first = make(out, *options, "neg,pos", reviews=nights).manifest
    write_night(nights, "b", "mixed neg pos")
    dataset = make(out, *options, "neg,pos,mixed", reviews=nights)
    assert dataset.column("labels") == [1, 0, 2, 0, 1]
    manifest = dataset.manifest
    assert manifest.label_numbers == {"neg": 0, "pos": 1, "mixed": 2}
    assert manifest.fingerprint == first.fingerprint
    assert "'2': mixed" in (out / "README.md").read_text()

    # The same command has nothing to do; fewer names, or another order, are another dataset.
    assert run(out, *options, "neg,pos,mixed", reviews=nights) == 0
    assert len(read_manifest(str(out)).generations) == 2
    capsys.readouterr()
    for names in ("neg,pos", "neg,mixed,pos", "pos,neg", "neg,pos2,mixed"):
        assert run(out, *options, names, reviews=nights) in (1, 2)
        assert "--label_names" in capsys.readouterr().err

    shards = {path: path.read_bytes() for path in out.rglob("*.arrow")}
    assert len(shards) == 2
    for path in shards:
        path.unlink()
    assert verify([str(out), "--repair", "--input", str(nights)]) == 0
    assert {path: path.read_bytes() for path in shards} == shards


def test_an_input_may_know_fewer_classes_than_the_dataset(tmp_path: Path) -> None:
    nights = tmp_path / "in"
    nights.mkdir()
    for night, names in (("a", ["neg", "pos", "mixed"]), ("b", ["neg", "pos"])):
        feature = {"names": names, "_type": "ClassLabel"}
        info = json.dumps({"info": {"features": {"label": feature}}})
        table = pa.table({"text": TEXTS, "label": [0, len(names) - 1] * 10})
        pq.write_table(
            table.replace_schema_metadata({"huggingface": info}), nights / f"{night}.parquet"
        )
        dataset = make(tmp_path / "out", *CLASSIFY, "--append", reviews=nights)
    assert dataset.manifest.label_numbers == {"neg": 0, "pos": 1, "mixed": 2}
    assert labels_of(dataset) == {0: 20, 1: 10, 2: 10}


def test_a_saved_dataset_dict_gives_its_subsets(tmp_path: Path) -> None:
    saved = datasets.DatasetDict(
        {
            subset: datasets.Dataset.from_dict(
                {"text": TEXTS[:n], "label": [n % 2] * n},
                features=datasets.Features(
                    text=datasets.Value("string"), label=datasets.ClassLabel(names=["neg", "pos"])
                ),
            )
            for subset, n in (("train", 4), ("test", 3))
        }
    )
    saved.save_to_disk(tmp_path / "saved")
    options = (*CLASSIFY, "--subset_from_path")
    dataset = make(tmp_path / "out", *options, reviews=tmp_path / "saved")
    assert labels_of(dataset) == {0: 4}
    assert labels_of(dataset, "validation") == {1: 3}
    assert dataset.manifest.label_numbers == {"neg": 0, "pos": 1}
