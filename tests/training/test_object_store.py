"""A dataset in S3, read through its real client: by this process, its thread, and its workers."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import torch
from torch.utils.data import DataLoader

from tests.stores.servers import in_environment, s3
from tests.training.datasets import write_mlm
from training.reading.dataset import ShardDataset
from training.reading.shard_cache import ShardCache
from training.sampling.order import ShardOrder
from training.sampling.sampler import ElasticSampler


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A dataset on this machine, and the same in a bucket."""
    folder = write_mlm(tmp_path_factory.mktemp("objects") / "out")
    with s3(tmp_path_factory.mktemp("bucket")) as store, in_environment(store.environment):
        fsspec.filesystem("s3").put(str(folder), store.url("out"), recursive=True)
        yield folder, store.url("out")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataset_in_s3_gives_the_rows_of_a_local_one(
    copies: tuple[Path, str], tmp_path: Path, workers: int
) -> None:
    local = ShardDataset(copies[0])
    remote = ShardDataset(copies[1], cache=ShardCache(tmp_path / "cache"))
    order = ShardOrder(local.shard_rows, window_shards=2)
    expected = [local[batch]["input_ids"] for batch in ElasticSampler(order, 16)]

    sampler = ElasticSampler(order, 16, fetcher=remote)
    loader = DataLoader(remote, batch_size=None, sampler=sampler, num_workers=workers)

    for batch, ids in zip(loader, expected, strict=True):
        assert torch.equal(batch["input_ids"], ids)
    assert len(list((tmp_path / "cache").glob("*.arrow"))) == len(local.shards)
