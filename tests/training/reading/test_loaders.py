"""Datasets in loaders and in other processes, and one that grows meanwhile."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

from tests.training.datasets import write_mlm
from training.reading.dataset import ShardDataset


def test_a_loader_gives_every_row_once(mlm: Path) -> None:
    dataset = ShardDataset(mlm, columns=["block"])
    sampler = BatchSampler(RandomSampler(dataset), 16, drop_last=False)
    loader = DataLoader(dataset, batch_size=None, sampler=sampler)

    seen = torch.cat([batch["block"] for batch in loader]).tolist()

    assert len(seen) == len(dataset)
    assert sorted(seen) == dataset[:]["block"].tolist()


def test_a_loader_that_stacks_rows_itself_gives_the_same_rows(mlm: Path) -> None:
    dataset = ShardDataset(mlm)
    batches = list(DataLoader(dataset, batch_size=16))

    assert torch.equal(torch.cat([b["input_ids"] for b in batches]), dataset[:]["input_ids"])


@pytest.mark.parametrize(
    "context",
    ["fork", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spawn", "forkserver"))],
)
def test_workers_started_in_any_way_read_the_same(mlm: Path, context: str) -> None:
    dataset = ShardDataset(mlm, columns=["input_ids", "block"])
    dataset[[0]]  # One shard is open when they start.
    dataset.set_epoch(3)
    sampler = BatchSampler(range(len(dataset)), 100, drop_last=False)
    loader = DataLoader(
        dataset,
        batch_size=None,
        sampler=sampler,
        num_workers=2,
        multiprocessing_context=context,
    )

    read = list(loader)

    whole = dataset[:]
    for name, values in whole.items():
        assert torch.equal(torch.cat([batch[name] for batch in read]), values)
    assert set(whole["block"][:, 0].tolist()) == {3}


def test_a_pickled_dataset_reads_the_same_rows(mlm: Path) -> None:
    dataset = ShardDataset(mlm)
    expected = dataset[[5, 100]]

    other = pickle.loads(pickle.dumps(dataset))

    assert torch.equal(other[[5, 100]]["input_ids"], expected["input_ids"])


def test_a_dataset_that_is_appended_to_while_it_is_read_stays_as_it_was(tmp_path: Path) -> None:
    folder = write_mlm(tmp_path)
    dataset = ShardDataset(folder)
    before, manifest = dataset[:]["input_ids"], json.loads((folder / "manifest.json").read_text())
    more = write_mlm(tmp_path / "more", shards=7)
    grown = json.loads((more / "manifest.json").read_text())
    for shard in grown["splits"]["train"]["shards"]:
        target = folder / "train" / f"new-{Path(shard['path']).name}"
        target.write_bytes((more / shard["path"]).read_bytes())
        shard["path"] = f"train/{target.name}"
    shards = [*manifest["splits"]["train"]["shards"], *grown["splits"]["train"]["shards"]]
    manifest["splits"]["train"]["shards"] = shards
    (folder / "manifest.json").write_text(json.dumps(manifest))

    assert torch.equal(dataset[:]["input_ids"], before)
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[:]["input_ids"], before)
    assert len(ShardDataset(folder)) == len(dataset) + len(ShardDataset(more))
