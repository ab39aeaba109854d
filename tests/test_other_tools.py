"""Shards are plain Arrow and Parquet: other people's tools read them, with the same values."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests import jobs, oracle
from tests.oracle import Dataset, make

COLUMNS = {"input_ids", "attention_mask", "word_starts", "labels", "source", "record"}
JOBS = {
    "blocks": ("--task", "mlm", "--masking", "static", "--review_starts"),
    "rows": ("--task", "classification"),
    "ragged": ("--task", "classification", "--padding", "longest"),
}


@pytest.fixture(scope="module", params=JOBS)
def options(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Return the options of a job that makes several shards."""
    return (*JOBS[request.param], "--max_length", "64", "--part_bytes", "20000")


@pytest.fixture(scope="module")
def arrow(options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("arrow") / "out", *options)


@pytest.fixture(scope="module")
def parquet(options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("parquet") / "out", *options, "--format", "parquet")


@pytest.fixture(scope="module")
def expected(options: tuple[str, ...]) -> dict[str, list[object]]:
    """Return the ids and class labels by Hugging Face, without a shard in between."""
    if "mlm" in options:
        return {}
    texts = oracle.sample_texts()
    padding = False if "longest" in options else "max_length"
    encoded = oracle.auto_tokenizer(jobs.TOKENIZER)(
        texts, truncation=True, max_length=64, padding=padding
    )
    return {
        "input_ids": encoded["input_ids"],
        "labels": [label for _, label in oracle.sample_reviews()],
    }


def paths_of(dataset: Dataset) -> list[str]:
    paths = [str(dataset.folder / shard.path) for shard in dataset.manifest.subsets["train"]]
    assert len(paths) > 4
    return paths


def check(
    values: dict[str, list[object]], dataset: Dataset, expected: dict[str, list[object]]
) -> None:
    """Compare what a tool has read with the project's own reader, and with Hugging Face."""
    has_review_starts = dataset.manifest.has_review_starts
    assert set(values) == COLUMNS | ({"review_starts"} if has_review_starts else set())
    for name in values:
        assert values[name] == dataset.column(name)
    for name, column in expected.items():
        assert values[name] == column
    assert len(values["input_ids"]) == dataset.manifest.rows("train") > 100


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_datasets(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected: dict[str, list[object]],
    form: str,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    dataset = request.getfixturevalue(form)

    loaded = datasets.load_dataset(
        form, data_files=paths_of(dataset), split="train", cache_dir=str(tmp_path)
    )
    check(loaded.to_dict(), dataset, expected)


def test_polars_arrow(arrow: Dataset, expected: dict[str, list[object]]) -> None:
    polars = pytest.importorskip("polars")

    frames = [polars.read_ipc(path) for path in paths_of(arrow)]
    check(lists_of(polars.concat(frames)), arrow, expected)


def test_polars_scan(arrow: Dataset, expected: dict[str, list[object]]) -> None:
    polars = pytest.importorskip("polars")

    # Lazily, over a memory map: the way to look into shards that are larger than memory.
    lazy = polars.scan_ipc(paths_of(arrow))
    check(lists_of(lazy.collect()), arrow, expected)
    counts = lazy.select(polars.len(), polars.col("record").max()).collect()
    assert counts.row(0) == (arrow.manifest.rows("train"), max(arrow.column("record")))


def test_polars_parquet(parquet: Dataset, expected: dict[str, list[object]]) -> None:
    polars = pytest.importorskip("polars")

    frame = polars.read_parquet(paths_of(parquet))
    check(lists_of(frame), parquet, expected)


def lists_of(frame: object) -> dict[str, list[object]]:
    """Return a polars frame's columns as Python values; its arrays come as lists, series or not."""
    return {
        name: [
            value.to_list() if hasattr(value, "to_list") else value
            for value in frame[name].to_list()
        ]
        for name in frame.columns
    }


def test_pyarrow_dataset(arrow: Dataset, expected: dict[str, list[object]]) -> None:
    import pyarrow.dataset

    table = pyarrow.dataset.dataset(paths_of(arrow), format="arrow").to_table()
    check(table.to_pydict(), arrow, expected)


def test_numpy_over_a_memory_map(arrow: Dataset) -> None:
    for path, (_, table) in zip(paths_of(arrow), arrow.shards(), strict=True):
        before = pa.total_allocated_bytes()
        with pa.memory_map(path) as source:
            batch = pa.ipc.open_file(source).get_batch(0)
            ids = batch.column("input_ids")
            values = ids.flatten().to_numpy(zero_copy_only=True)
            assert pa.total_allocated_bytes() == before
            assert values.dtype == np.uint16
            assert values.tolist() == list(chain(*table["input_ids"].to_pylist()))


def test_duckdb(parquet: Dataset, expected: dict[str, list[object]]) -> None:
    duckdb = pytest.importorskip("duckdb")

    connection = duckdb.connect()
    paths, names = paths_of(parquet), parquet.table().column_names
    rows = connection.execute(f"select {', '.join(names)} from read_parquet(?)", [paths]).fetchall()
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    values = {name: [plain(value) for value in column] for name, column in columns.items()}
    check(values, parquet, expected)

    total = connection.execute(
        "select sum(list_sum(attention_mask::int[])) from read_parquet(?)", [paths]
    ).fetchone()
    assert total == (parquet.manifest.tokens("train"),)


def plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def test_both_forms_hold_the_same(arrow: Dataset, parquet: Dataset) -> None:
    shards = [
        [(s.rows, s.tokens, s.content_sha256) for s in dataset.manifest.subsets["train"]]
        for dataset in (arrow, parquet)
    ]

    assert shards[0] == shards[1]
    assert arrow.manifest.content_sha256() == parquet.manifest.content_sha256()
    assert arrow.manifest.fingerprint != parquet.manifest.fingerprint
