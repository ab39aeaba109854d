"""`open_dataset`: the same committed rows in Arrow, polars, pandas, datasets and torch."""

from __future__ import annotations

import doctest
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import jobs, oracle
from transforms import open_dataset
from transforms.finished import views
from transforms.finished.reading import read_batches
from transforms.finished.views import SubsetRows
from transforms.functional.errors import DatasetError, InputError, UsageError

OPTIONS = (
    "--task", "classification", "--label_column", "label", "--max_length", "32",
    "--part_bytes", "20000",
)  # fmt: skip
NAMES = ("neg", "pos")
FIRST_NIGHT = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of two generations, beside whose shards lies one of no generation."""
    made = tmp_path_factory.mktemp("views")
    (made / "in").mkdir()
    reviews = oracle.sample_reviews()
    for night, some in enumerate((reviews[:FIRST_NIGHT], reviews[FIRST_NIGHT:])):
        lines = [json.dumps({"text": text, "label": NAMES[label]}) for text, label in some]
        (made / "in" / f"{night}.jsonl").write_text("\n".join(lines), "utf-8")
        assert jobs.run(made / "out", *OPTIONS, "--append", reviews=made / "in") == 0
    shard = next((made / "out" / "train" / "000002").iterdir())
    shutil.copy(shard, shard.with_name("0000099-0000.arrow"))
    return made / "out"


@pytest.fixture(scope="module")
def rows(folder: Path) -> SubsetRows:
    return open_dataset(folder)["train"]


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """Return ids, mask and labels as Hugging Face gives them."""
    encoded = oracle.auto_tokenizer(jobs.TOKENIZER)(
        oracle.sample_texts(), truncation=True, max_length=32, padding="max_length"
    )
    return {
        "input_ids": encoded["input_ids"],
        "attention_mask": encoded["attention_mask"],
        "labels": [label for _, label in oracle.sample_reviews()],
    }


def test_every_view_holds_the_committed_rows(rows: SubsetRows, expected: dict[str, Any]) -> None:
    names = list(expected)
    frame = rows.to_pandas(names)
    found = {
        "arrow": rows.to_arrow(names).to_pydict(),
        "arrow dataset": rows.to_arrow_dataset().to_table(columns=names).to_pydict(),
        "polars": {name: rows.to_polars(names)[name].to_list() for name in names},
        "pandas": {name: [np.asarray(value).tolist() for value in frame[name]] for name in names},
        "datasets": rows.to_datasets(names).to_dict(),
        "torch": {name: tensor.tolist() for name, tensor in rows.to_torch(names)[:].items()},
    }
    for view, columns in found.items():
        assert columns == expected, view
    assert len(rows) == len(expected["labels"]) > FIRST_NIGHT
    assert [table.num_rows for table in rows.tables()] == rows.shards.column("rows").to_pylist()


def test_a_generation_is_chosen_by_number_or_by_its_manifest(
    folder: Path, expected: dict[str, Any]
) -> None:
    for dataset in (open_dataset(folder, 1), open_dataset(f"{folder}/manifests/000001.json")):
        assert (dataset.generation, dataset.subsets) == (1, ["train"])
        found = dataset["train"]
        assert found.to_arrow().column("labels").to_pylist() == expected["labels"][:FIRST_NIGHT]
        assert len(found.to_torch()) == FIRST_NIGHT
    with pytest.raises(UsageError, match=r"no generation 3, it has: 1, 2"):
        open_dataset(folder, 3)
    with pytest.raises(UsageError, match="both name a generation"):
        open_dataset(f"{folder}/manifests/000001.json", 2)


def test_class_labels_have_their_names_and_map_finds_what_it_made(rows: SubsetRows) -> None:
    one, two = rows.to_datasets(), rows.to_datasets()
    assert one.features["labels"].names == list(NAMES)
    assert one._fingerprint == two._fingerprint
    assert rows.to_datasets(["labels"])._fingerprint != one._fingerprint


def test_duckdb_queries_the_arrow_dataset(rows: SubsetRows, expected: dict[str, Any]) -> None:
    duckdb = pytest.importorskip("duckdb")

    connection = duckdb.connect()
    connection.register("shards", rows.to_arrow_dataset())
    query = "select labels, count(*), sum(list_sum(attention_mask::int[])) from shards group by 1"
    n_tokens = [0, 0]
    for label, mask in zip(expected["labels"], expected["attention_mask"], strict=True):
        n_tokens[label] += sum(mask)
    counts = [expected["labels"].count(label) for label in (0, 1)]
    assert connection.execute(f"{query} order by 1").fetchall() == [
        (label, counts[label], n_tokens[label]) for label in (0, 1)
    ]


def test_arrow_maps_local_shards_without_a_copy(rows: SubsetRows) -> None:
    import pyarrow as pa

    before = pa.total_allocated_bytes()
    table = rows.to_arrow()
    assert table.nbytes > 10_000
    assert pa.total_allocated_bytes() - before < 1_000


def test_a_parquet_dataset_has_the_same_views(tmp_path: Path, expected: dict[str, Any]) -> None:
    assert jobs.run(tmp_path / "out", *OPTIONS, "--format", "parquet") == 0
    rows = open_dataset(tmp_path / "out", check_hashes=True)["train"]
    for table in (rows.to_arrow(), rows.to_arrow_dataset().to_table()):
        assert table.column("input_ids").to_pylist() == expected["input_ids"]
    with pytest.raises(DatasetError, match="parquet"):
        rows.to_torch()


def test_what_is_not_there_is_named(folder: Path, rows: SubsetRows, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no manifest\.json"):
        open_dataset(tmp_path)
    with pytest.raises(DatasetError, match="no rows in subset 'test', only in: train"):
        open_dataset(folder)["test"]
    with pytest.raises(UsageError, match="no column 'text': choose of input_ids"):
        rows.to_arrow(["text"])


@pytest.mark.parametrize("library", ["polars", "pandas", "datasets", "torch"])
def test_a_library_that_is_not_installed_is_named_with_its_extra(
    rows: SubsetRows, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)  # type: ignore[arg-type]
    extra = "train" if library == "torch" else "views"
    with pytest.raises(UsageError, match=rf"{library} is not installed: .*review-shards\[{extra}"):
        getattr(rows, f"to_{library}")()


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_shard_that_is_gone_or_cut_off_is_found_before_anything_is_read(copied: Path) -> None:
    shard = copied / open_dataset(copied)["train"].shards[1].path
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-10])
    with pytest.raises(DatasetError, match=rf"has {len(whole) - 10} bytes, .* says {len(whole)}"):
        open_dataset(copied)["train"]
    shard.unlink()
    with pytest.raises(DatasetError, match=r"is gone: `review-shards repair"):
        open_dataset(copied)["train"]
    assert len(open_dataset(copied, 1).subsets) == 1


def test_other_bytes_are_found_where_hashes_are_compared(copied: Path) -> None:
    shard = copied / open_dataset(copied)["train"].shards[1].path
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    assert open_dataset(copied)["train"].to_arrow().num_rows > 0
    with pytest.raises(DatasetError, match="its sha256 is not the one in the manifest"):
        open_dataset(copied, check_hashes=True)["train"].to_arrow()
    with pytest.raises(DatasetError, match="its sha256 is not the one in the manifest"):
        list(read_batches((str(copied), open_dataset(copied)["train"].shards[1]), None))
    shard.write_bytes(b"x" * len(data))
    with pytest.raises(DatasetError, match="is damaged"):
        open_dataset(copied)["train"].to_arrow()


def test_the_example_gives_what_it_shows(folder: Path) -> None:
    names = {"open_dataset": open_dataset, "finished": str(folder)}
    [found] = doctest.DocTestFinder(recurse=False).find(views.open_dataset, extraglobs=names)
    assert len(found.examples) == 2
    assert doctest.DocTestRunner().run(found).failed == 0
