"""Loops of one's own, by PyTorch, accelerate, torchdata and Lightning: what each of them reads."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, RandomSampler

from tests.paths import ROOT
from training.model.collators import MLM_COLUMNS, MlmCollator, mask_recipe
from training.model.review_attention import ReviewAttention, WithinReviews
from training.reading.dataset import ShardDataset
from training.reading.row_reader import Batch
from training.sampling.loader import ShardLoader, as_it_is
from training.sampling.order import ShardOrder
from training.sampling.sampler import ElasticSampler
from transforms.functional.errors import UsageError

BLOCK = ["input_ids", "block"]


def sampler_of(dataset: ShardDataset, **options: Any) -> ElasticSampler:
    return ElasticSampler(ShardOrder(dataset.shard_rows, seed=3), 16, **options)


def blocks(batches: Iterable[Batch]) -> list[list[int]]:
    """Return epoch, split, part, subset and row of all rows, in the order they came."""
    return [block for batch in batches for block in batch["block"].tolist()]


def epochs_of(loader: Iterable[Batch]) -> set[int]:
    return {block[0] for block in blocks(loader)}


@pytest.fixture
def rows(mlm: Path) -> ShardDataset:
    return ShardDataset(mlm, columns=BLOCK)


@pytest.fixture
def maskable(mlm: Path) -> ShardDataset:
    return ShardDataset(mlm, columns=MLM_COLUMNS)


@pytest.fixture
def accelerator() -> Iterator[Accelerator]:
    yield Accelerator(cpu=True)
    Accelerator().free_memory()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_reads_each_epoch_in_its_order_and_counts_what_it_hands_out(
    rows: ShardDataset, workers: int
) -> None:
    expected = [blocks(rows[batch] for batch in sampler_of(rows))]
    sampler = sampler_of(rows)
    sampler.set_epoch(1)
    expected.append(blocks(rows[batch] for batch in sampler))
    loader = ShardLoader(rows, sampler_of(rows), num_workers=workers)

    assert [blocks(loader), blocks(loader)] == expected
    assert loader.state_dict() == {"samples": 2 * len(rows)}

    loader = ShardLoader(rows, sampler_of(rows), num_workers=workers)
    begun = iter(loader)
    first = [next(begun) for _ in range(3)]
    state = loader.state_dict()
    del begun
    resumed = ShardLoader(rows, sampler_of(rows), num_workers=workers)
    resumed.load_state_dict(state)

    assert state == loader.sampler.state_dict() == {"samples": 48}
    assert blocks(first) + blocks(resumed) == expected[0]
    # Whoever leaves a loop goes on behind the last batch that was handed out.
    assert blocks(first) + blocks(loader) == expected[0]


def test_a_loader_without_workers_leaves_torchs_generator_where_torchs_loader_does(
    rows: ShardDataset,
) -> None:
    after = []
    for loader in (
        ShardLoader(rows, sampler_of(rows)),
        DataLoader(rows, batch_size=None, sampler=sampler_of(rows), collate_fn=as_it_is),
    ):
        torch.manual_seed(3)
        n_rows = sum(len(batch["block"]) for batch in loader)
        after.append((n_rows, torch.rand(1).item()))

    assert after[0] == after[1]
    assert after[0][0] == len(rows)


@pytest.mark.parametrize("number", [0, 1])
def test_the_recipes_of_the_docs_run(mlm: Path, number: int) -> None:
    blocks_of_code = (ROOT / "docs/training.md").read_text("utf-8").split("```python\n")[1:]
    code = blocks_of_code[number].split("```")[0]
    theirs = "def train_on(batch: dict) -> None: ...  # One step of your model."
    assert "s3://bucket/shards/mlm" in code and theirs in code
    code = code.replace("s3://bucket/shards/mlm", str(mlm)).replace(theirs, "")
    seen: list[int] = []

    def train_on(batch: Batch) -> None:
        assert ((batch["labels"] != -100).float().mean() - 0.15).abs() < 0.06
        seen.append(int(batch["input_ids"].sum()))

    exec(code, {"train_on": train_on})

    assert len(seen) == 3 * (len(ShardDataset(mlm)) // 32 + (number == 1))
    assert len(set(seen)) > 0.9 * len(seen)


def test_an_epoch_is_set_on_the_loader_or_on_its_sampler(rows: ShardDataset) -> None:
    loader = ShardLoader(rows, sampler_of(rows))
    for set_epoch in (loader.set_epoch, loader.sampler.set_epoch):
        set_epoch(7)
        assert epochs_of(loader) == {7}
    loader.set_epoch(2)
    next(iter(loader))
    loader.set_epoch(3)  # A loop that was left does not go on in another epoch.
    assert loader.state_dict() == {"samples": 3 * len(rows)}


def test_a_last_batch_that_is_smaller_is_left_out_on_all_processes(mlm: Path) -> None:
    order = ShardOrder([13], seed=1)
    samplers = [
        ElasticSampler(order, 2, rank=rank, world_size=3, drop_last=True) for rank in (0, 1)
    ]

    assert [[len(batch) for batch in sampler] for sampler in samplers] == [[2, 2], [2, 2]]
    assert [len(sampler) for sampler in samplers] == [2, 2]
    assert [sampler.state_dict() for sampler in samplers] == [{"samples": 13}] * 2
    # Sample 12 is of the batch that is left out: the next epoch begins.
    samplers[0].load_state_dict({"samples": 12})
    expected, _ = order.rows(1, np.arange(2))
    assert next(iter(samplers[0])).rows.tolist() == expected.tolist()
    assert samplers[0].after(12) == 13 + 6


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batched", [True, False])
def test_loaders_of_torch_have_masks_of_the_epoch_that_the_dataset_is_told(
    maskable: ShardDataset, workers: int, batched: bool
) -> None:
    collate = MlmCollator(mask_recipe(maskable, seed=3))
    options: dict[str, Any] = {"batch_size": 16, "shuffle": True}
    if batched:
        sampler = BatchSampler(RandomSampler(maskable), 16, drop_last=False)
        options = {"batch_size": None, "sampler": sampler}
    loader = DataLoader(
        maskable,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        **options,
    )
    for epoch in (0, 2):
        maskable.set_epoch(epoch)
        read = [torch.cat([batch["input_ids"], batch["labels"]], dim=1) for batch in loader]
        expected = MlmCollator(collate.recipe, epoch=epoch)(maskable[:])
        everything = torch.cat([expected["input_ids"], expected["labels"]], dim=1)
        assert torch.equal(torch.unique(torch.cat(read), dim=0), torch.unique(everything, dim=0))


@pytest.mark.parametrize("options", [{"batch_size": 8, "shuffle": True}, {"batch_size": 8}])
def test_masks_that_would_be_the_same_in_every_epoch_are_refused_with_the_cure(
    maskable: ShardDataset, options: dict[str, Any]
) -> None:
    loader = DataLoader(maskable, collate_fn=MlmCollator(mask_recipe(maskable)), **options)

    with pytest.raises(UsageError, match=r"call dataset\.set_epoch\(epoch\) before each epoch"):
        next(iter(loader))
    with pytest.raises(UsageError, match="epoch must be at least 0, got -2"):
        maskable.set_epoch(-2)


def test_reviews_keep_apart_in_rows_that_torch_hands_out_one_by_one(fitted: Path) -> None:
    dataset = ShardDataset(fitted, columns=[*MLM_COLUMNS, "review_starts"])
    collate = WithinReviews(MlmCollator(mask_recipe(dataset), epoch=0), ReviewAttention())
    one_by_one = next(iter(DataLoader(dataset, batch_size=8, collate_fn=collate)))

    whole = collate(dataset[:8])
    assert all(torch.equal(one_by_one[name], whole[name]) for name in whole)


def test_another_dataset_of_the_same_rows_has_an_epoch_of_its_own(rows: ShardDataset) -> None:
    rows.set_epoch(4)
    other = rows.with_columns(BLOCK)
    other.set_epoch(5)

    assert [epochs_of([each[:9]]) for each in (rows, other)] == [{4}, {5}]


def test_accelerate_leaves_a_loader_as_it_is(rows: ShardDataset, accelerator: Accelerator) -> None:
    expected = blocks(rows[batch] for batch in sampler_of(rows))
    loader = ShardLoader(rows, sampler_of(rows))

    prepared = accelerator.prepare(loader)

    assert prepared is loader
    assert blocks(prepared) == expected


def test_what_accelerate_makes_of_another_loader_is_refused_with_the_cure(
    maskable: ShardDataset, accelerator: Accelerator
) -> None:
    collate = MlmCollator(mask_recipe(maskable))
    options = {"sampler": sampler_of(maskable), "collate_fn": collate}
    # Of one process it takes the sampler away.
    alone = accelerator.prepare(DataLoader(maskable, batch_size=None, **options))
    with pytest.raises(UsageError, match=r"leave the loader out of prepare\(\), or make it a Shar"):
        next(iter(alone))
    # Of several it shares the batches out a second time.
    loader = DataLoader(maskable, batch_sampler=sampler_of(maskable), collate_fn=collate)
    for split in (True, False):
        shared = prepare_data_loader(loader, num_processes=2, process_index=1, split_batches=split)
        with pytest.raises(UsageError, match="shared out among the processes already"):
            next(iter(shared))


def test_accelerate_sets_the_epoch_of_a_dataset_that_it_shuffles(
    maskable: ShardDataset, accelerator: Accelerator
) -> None:
    maskable = maskable.with_columns(MLM_COLUMNS)
    loader = accelerator.prepare(DataLoader(maskable, batch_size=16, shuffle=True))

    assert [epochs_of(loader) for _ in range(3)] == [{0}, {1}, {2}]


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")  # torchdata calls it.
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batches", [0, 5])
def test_a_stateful_loader_of_torchdata_goes_on_at_the_batch(
    rows: ShardDataset, workers: int, batches: int
) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader")

    def loader() -> Any:
        return stateful.StatefulDataLoader(
            rows,
            batch_size=None,
            sampler=sampler_of(rows),
            collate_fn=as_it_is,
            num_workers=workers,
        )

    unbroken = loader()
    expected = blocks(unbroken) + blocks(unbroken)
    broken = loader()
    first, begun = blocks(broken), iter(broken)
    first += blocks(next(begun) for _ in range(batches))
    state = json.loads(json.dumps(broken.state_dict())) if workers == 0 else broken.state_dict()
    resumed = loader()
    resumed.load_state_dict(state)

    assert first + blocks(resumed) == expected


def test_a_sampler_counts_as_distributed_so_that_others_leave_it_alone(rows: ShardDataset) -> None:
    """Lightning and the like replace every sampler that is not: half of the rows were not seen."""
    assert isinstance(sampler_of(rows), DistributedSampler)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Of Lightning's own.
@pytest.mark.parametrize("make", [ShardLoader, None])
def test_two_processes_of_lightning_read_every_row_once_an_epoch(
    mlm: Path, tmp_path: Path, make: Callable[..., Any] | None
) -> None:
    lightning = pytest.importorskip("lightning")
    rows = ShardDataset(mlm, columns=BLOCK)

    class Model(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)
            self.seen: list[list[int]] = []

        def training_step(self, batch: Batch, _: int) -> torch.Tensor:
            self.seen += [[self.current_epoch, *block] for block in blocks([batch])]
            return self.layer(torch.ones(1, 1)).sum()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.1)

        def train_dataloader(self) -> DataLoader:
            sampler = sampler_of(rows)  # Here the processes know of each other.
            if make is not None:
                return make(rows, sampler)
            return DataLoader(rows, batch_size=None, sampler=sampler)

        def on_train_end(self) -> None:
            (tmp_path / f"{self.global_rank}.json").write_text(json.dumps(self.seen))

    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp_fork",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(Model())

    seen = [json.loads(file.read_text()) for file in tmp_path.glob("*.json")]
    assert [len(each) for each in seen] == [len(rows), len(rows)]
    everything = [row for each in seen for row in each]
    assert {(row[0], row[1]) for row in everything} == {(0, 0), (1, 1)}
    assert len({tuple(row) for row in everything}) == 2 * len(rows)
