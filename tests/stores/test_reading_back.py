"""A dataset in a store is opened there, and exported from there to there."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from beam_pipeline.export import main as export
from tests.beam_pipeline.jobs import REVIEWS
from tests.oracle import Dataset
from tests.stores.jobs import job
from tests.stores.servers import Store
from transforms import open_dataset, storage
from transforms.finished.views import SubsetRows
from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.errors import DatasetError


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    output = tmp_path_factory.mktemp("disk") / "out"
    assert job(str(REVIEWS), str(output)) == 0
    return Dataset(output)


def put(dataset: Dataset, url: str) -> None:
    """Copy a dataset into a store."""
    for path in dataset.folder.rglob("*"):
        if path.is_file():
            name = str(path.relative_to(dataset.folder))
            storage.write_atomic(storage.join(url, name), path.read_bytes())


def test_a_dataset_there_is_opened_and_exported(
    store: Store, on_disk: Dataset, tmp_path: Path
) -> None:
    url, to = store.url("read_back"), store.url("exported")
    put(on_disk, url)
    rows = open_dataset(url, check_hashes=True)["train"]
    expected = on_disk.table().to_pydict()
    assert rows.to_arrow().to_pydict() == expected
    assert rows.to_arrow_dataset().to_table().to_pydict() == expected

    for name in ("megatron", "mds"):
        here, there = tmp_path / name, f"{to}/{name}"
        assert export([str(on_disk.folder), "--to", str(here), "--format", name]) == 0
        for _ in range(2):  # The second time all is there.
            assert export([url, "--to", there, "--format", name]) == 0
            files = storage.list_files(there)
            assert len(files) == 4
            for file in files:
                assert storage.read_bytes(f"{there}/{file}") == (here / file).read_bytes()

    storage.remove(storage.join(url, rows.shards[1].path))
    with pytest.raises(DatasetError, match="is gone: `review-shards repair"):
        open_dataset(url)["train"]


def test_a_large_file_is_there_whole_or_not_at_all(
    store: Store, on_disk: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = store.url("interrupted")
    arguments = [str(on_disk.folder), "--to", to, "--format", "megatron", "--subset", "train"]
    read = SubsetRows._table

    def fails(rows: SubsetRows, shard: ShardEntry) -> pa.Table:
        if shard == rows.shards[3]:
            raise KeyboardInterrupt
        return read(rows, shard)

    with monkeypatch.context() as patch:
        patch.setattr(SubsetRows, "_table", fails)
        assert export(arguments) == 130
    assert storage.list_files(to) == []
    assert export(arguments) == 0
    assert storage.list_files(to) == ["train/tokens.bin", "train/tokens.idx"]
