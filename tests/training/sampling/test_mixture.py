from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.datasets import write_classification, write_mlm
from tests.training.programs import arguments, history, write_config
from training.__main__ import main
from training.reading.dataset import ShardDataset
from training.reading.mixed_rows import MixedRows
from training.reading.row_reader import RowBatch
from training.sampling.mixture_order import ROUND, MixtureOrder, places_in_round
from training.sampling.order import ShardOrder
from training.sampling.sampler import ElasticSampler
from transforms.functional.errors import DatasetError


class Fake:
    """Rows without content."""

    def __init__(self, shard_rows: list[int]) -> None:
        self.shard_rows = shard_rows
        self.fetched: list[int] = []

    def __len__(self) -> int:
        return sum(self.shard_rows)

    def __getitem__(self, rows: RowBatch) -> dict[str, torch.Tensor]:
        return {"row": torch.from_numpy(rows.rows), "epoch": torch.from_numpy(rows.epochs)}

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        return rows + 100 * len(self.shard_rows)

    def fetch_ahead(self, shards: list[int]) -> None:
        self.fetched += shards


SHARDS = [[700, 300], [150, 50], [1000, 1500, 500]]
WEIGHTS = [0.5, 0.3, 0.2]


def mixture(seed: int = 1) -> tuple[MixedRows, MixtureOrder]:
    mixed = MixedRows([Fake(shards) for shards in SHARDS])
    orders = [ShardOrder(shards, seed=7 + n, window_shards=1) for n, shards in enumerate(SHARDS)]
    return mixed, MixtureOrder(orders, mixed, WEIGHTS, seed=seed)


def samples(order: MixtureOrder, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return dataset, row in it and epoch of it, of each sample of an epoch of the mixture."""
    rows, epochs = order.rows(epoch, np.arange(len(order)))
    first = np.array([0, 1000, 1200])
    which = np.searchsorted(first, rows, "right") - 1
    return which, rows - first[which], epochs


@pytest.mark.parametrize(
    ("weights", "counts"),
    [
        ([1], [1000]),
        ([1, 1, 1], [334, 333, 333]),
        ([0.5, 0.3, 0.2], [500, 300, 200]),
        ([999, 1], [999, 1]),
    ],
)
def test_weights_are_places_in_a_round(weights: list[float], counts: list[int]) -> None:
    assert places_in_round(weights) == counts
    assert sum(counts) == ROUND


@pytest.mark.parametrize("weights", [[1, 0], [1, -1], [10_000, 1]])
def test_weights_that_give_no_sample_are_refused(weights: list[float]) -> None:
    with pytest.raises(DatasetError, match="--weights"):
        places_in_round(weights)


def test_every_round_has_the_very_shares_and_is_mixed() -> None:
    which, _, _ = samples(mixture()[1], 0)
    rounds = which[: len(which) // ROUND * ROUND].reshape(-1, ROUND)

    assert len(rounds) == 4
    for one in rounds:
        assert np.bincount(one).tolist() == [500, 300, 200]
        assert 80 < np.count_nonzero(one[:200] == 0) < 120


def test_each_dataset_is_read_in_its_own_order_epoch_after_epoch() -> None:
    order = mixture()[1]
    both = [samples(order, epoch) for epoch in (0, 1)]
    # The samples of whole rounds: inside a round a dataset's own samples are out of their order.
    which, rows, epochs = (
        np.concatenate(columns)[: 8 * ROUND] for columns in zip(*both, strict=True)
    )

    for number, shards in enumerate(SHARDS):
        mine = which == number
        n_rows = sum(shards)
        for epoch in range(int(epochs[mine].max())):  # The last one is not whole.
            now = rows[mine & (epochs == epoch)]
            assert sorted(now.tolist()) == list(range(n_rows))
    assert epochs[which == 1].max() >= 5
    assert len(which) == 8000


def test_processes_share_a_mixture_exactly() -> None:
    order = mixture()[1]
    expected = order.rows(0, np.arange(len(order)))
    shares = [list(ElasticSampler(order, 4, rank=rank, world_size=3)) for rank in range(3)]
    steps = list(zip(*shares, strict=True))

    assert np.array_equal(np.concatenate([b.rows for step in steps for b in step]), expected[0])
    assert np.array_equal(np.concatenate([b.epochs for step in steps for b in step]), expected[1])


def test_a_batch_of_a_mixture_is_in_the_order_asked_for() -> None:
    mixed, _ = mixture()
    rows = np.array([4199, 0, 1005, 1200, 999])

    batch = mixed[RowBatch(rows, np.arange(5))]

    assert batch["row"].tolist() == [2999, 0, 5, 0, 999]
    assert batch["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert mixed.lengths(rows).tolist() == [3299, 200, 205, 300, 1199]


def test_the_shards_asked_for_are_those_that_come() -> None:
    mixed, order = mixture()
    shard_of_row = np.repeat(np.arange(7), [rows for shards in SHARDS for rows in shards])
    position = 0
    while position < len(order):
        change, windows = order.windows(0, position)
        rows, _ = order.rows(0, np.arange(position, min(change, len(order))))
        asked = {shard for window in windows for shard in window}
        # A dataset of small shards may pass through several windows within a round.
        large = [shard for shard in set(shard_of_row[rows].tolist()) if shard not in (2, 3)]
        assert set(large) <= asked
        assert change > position
        position = change
    mixed.fetch_ahead([0, 3, 6])
    assert [source.fetched for source in mixed._sources] == [[0], [1], [2]]


def test_ragged_rows_of_two_datasets_are_padded_to_one_length(ragged: Path, tmp_path: Path) -> None:
    other = write_classification(tmp_path, reviews=[("a film", 1), ("bad", 0), ("so so", 0)])
    mixed = MixedRows([ShardDataset(ragged), ShardDataset(other)])
    longest = int(ShardDataset(ragged).lengths(np.arange(20)).argmax())
    rows = np.array([len(mixed) - 1, longest])

    batch = mixed[RowBatch(rows, np.zeros(2, np.int64))]

    alone = ShardDataset(other)[[2]]["input_ids"]
    width = alone.shape[1]
    assert torch.equal(batch["input_ids"][:1, :width], alone)
    assert not batch["input_ids"][0, width:].any()
    assert batch["attention_mask"].sum(dim=1).tolist() == [width, batch["input_ids"].shape[1]]


@pytest.mark.slow
def test_the_program_trains_on_a_mixture(mlm: Path, tmp_path: Path) -> None:
    other = write_mlm(tmp_path / "other", shards=2, reviews=[("one film after another", 1)] * 60)
    options = {
        "dataset": [mlm, other],
        "weights": [3, 1],
        "from_config": write_config(tmp_path),
        "max_steps": 4,
    }
    assert main(arguments(mlm, tmp_path / "model", **options)) == 0
    assert len(history(tmp_path / "model")) == 4


def test_datasets_that_differ_are_not_mixed(
    mlm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_mlm(tmp_path / "other", length=16)
    options = {"dataset": [mlm, other], "from_config": write_config(tmp_path)}

    assert main(arguments(mlm, tmp_path / "model", **options)) == 1
    assert "differ in max_length (32 and 16)" in capsys.readouterr().err
