import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from tests.training.datasets import RECIPE, write_mlm
from training.model.collators import MLM_COLUMNS, MlmCollator, mask_recipe, without_labels
from training.reading.dataset import ShardDataset
from training.reading.row_reader import Batch, RowBatch
from training.sampling.order import ShardOrder
from training.sampling.sampler import ElasticSampler
from transforms.functional.errors import DatasetError
from transforms.functional.rows.masking import MaskRecipe, mask_blocks
from transforms.functional.rows.span_masks import span_begin_probability

UNITS = [{}, {"whole_words": True}, {"spans": True}]


def epoch_of(dataset: ShardDataset, collate: MlmCollator, world_size: int, workers: int) -> Batch:
    """Return all masked rows of epoch 1, sorted by their ids and labels."""
    masked = []
    for rank in range(world_size):
        order = ShardOrder(dataset.shard_rows, seed=1)
        sampler = ElasticSampler(order, 24 // world_size, rank=rank, world_size=world_size)
        sampler.set_epoch(1)
        loader = DataLoader(
            dataset, batch_size=None, sampler=sampler, collate_fn=collate, num_workers=workers
        )
        masked += list(loader)
    rows = torch.cat([torch.cat([b["input_ids"], b["labels"]], dim=1) for b in masked])
    return {"rows": torch.unique(rows, dim=0)}


@pytest.mark.parametrize("unit", UNITS)
def test_dynamic_masks_of_epoch_0_are_the_static_masks_of_the_job(
    tmp_path: Path, unit: dict[str, bool]
) -> None:
    recipe = MaskRecipe(
        mask_id=4,
        vocab_size=4000,
        special_ids=(0, 1, 2, 3, 4),
        seed=7,
        **unit,  # type: ignore[arg-type]
    )
    (tmp_path / "static").mkdir()
    (tmp_path / "plain").mkdir()
    static = ShardDataset(write_mlm(tmp_path / "static", static=recipe))
    plain = ShardDataset(write_mlm(tmp_path / "plain"), columns=MLM_COLUMNS)
    rows = np.random.default_rng(0).permutation(len(plain))

    made = MlmCollator(mask_recipe(plain, seed=7, **unit), epoch=0)(plain[rows])

    written = static[rows]
    assert (written["labels"] != -100).sum() > 500
    for name in ("input_ids", "labels"):
        assert torch.equal(made[name], written[name])


@pytest.mark.parametrize("unit", [{"whole_words": True}, {"spans": True}])
def test_whole_words_are_refused_where_a_review_is_one_word(
    tmp_path: Path, unit: dict[str, bool]
) -> None:
    dataset = ShardDataset(write_mlm(tmp_path), columns=MLM_COLUMNS)
    file = tmp_path / dataset.manifest.tokenizer.path
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "pre_tokenizer": None}))

    assert mask_recipe(dataset).mask_id == 4
    with pytest.raises(DatasetError, match=r"has no words: .* mask tokens instead"):
        mask_recipe(dataset, **unit)  # type: ignore[arg-type]


def test_masks_never_choose_a_template_token_also_if_it_is_not_special(tmp_path: Path) -> None:
    folder = write_mlm(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    ordinary = int(ShardDataset(folder)[:]["input_ids"].flatten().bincount()[5:].argmax()) + 5
    manifest["tokenizer"]["prefix"] = [ordinary]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    dataset = ShardDataset(folder, columns=MLM_COLUMNS)

    recipe = mask_recipe(dataset, seed=3)
    labels = MlmCollator(recipe, epoch=0)(dataset[:])["labels"]

    assert recipe.special_ids == (0, 1, 2, 3, 4, ordinary)
    assert (dataset[:]["input_ids"] == ordinary).sum() > 100
    assert (labels != -100).sum() > 500
    assert not (labels == ordinary).any()


def test_masks_do_not_depend_on_processes_or_workers(mlm: Path) -> None:
    dataset = ShardDataset(mlm, columns=MLM_COLUMNS)
    collate = MlmCollator(mask_recipe(dataset, whole_words=True, seed=3))
    alone = epoch_of(dataset, collate, 1, 0)["rows"]

    assert len(alone) == len(dataset)
    assert torch.equal(epoch_of(dataset, collate, 3, 0)["rows"], alone)
    assert torch.equal(epoch_of(dataset, collate, 2, 2)["rows"], alone)


def test_each_epoch_has_masks_of_its_own_also_inside_one_batch(mlm: Path) -> None:
    dataset = ShardDataset(mlm, columns=MLM_COLUMNS)
    collate = MlmCollator(mask_recipe(dataset, seed=3))
    rows = np.array([5, 5, 5])

    labels = collate(dataset[RowBatch(rows, np.array([0, 1, 0]))])["labels"]

    assert torch.equal(labels[0], labels[2])
    assert not torch.equal(labels[0], labels[1])


def test_an_evaluation_has_the_same_masks_in_every_epoch(mlm: Path) -> None:
    dataset = ShardDataset(mlm, "validation", columns=MLM_COLUMNS)
    collate = MlmCollator(mask_recipe(dataset, seed=3), epoch=0)
    first, second = (
        collate(dataset[RowBatch(np.arange(9), np.full(9, epoch))]) for epoch in (0, 6)
    )

    assert torch.equal(first["labels"], second["labels"])


def test_a_batch_without_labels_predicts_nothing() -> None:
    batch = {"input_ids": torch.ones(1, 4), "labels": torch.tensor([[1, -100, 2, 3]])}

    assert without_labels(batch)["labels"].tolist() == [[-100] * 4]
    assert without_labels(batch)["input_ids"] is batch["input_ids"]


def spans_of(n_blocks: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return ids, word starts, masked ids and labels of blocks of two reviews."""
    random = np.random.default_rng(0)
    ids = random.integers(10, 4000, (n_blocks, 256)).astype(np.uint32)
    starts = random.random(ids.shape) < 0.7
    starts[:, [1, 130]] = True
    for place, special in ((0, 2), (128, 3), (129, 2)):
        ids[:, place], starts[:, place] = special, False
    recipe = MaskRecipe(mask_id=4, vocab_size=4000, special_ids=(0, 1, 2, 3, 4), seed=7, spans=True)
    blocks = np.array([(0, 0, 0, 0, row) for row in range(n_blocks)])
    return ids, starts, *mask_blocks(ids, starts, blocks, recipe)


def test_spans_cover_the_share_of_words_that_was_asked_for() -> None:
    ids, starts, _, labels = spans_of()
    chosen = labels != -100

    assert chosen[:, 20:128].mean() == pytest.approx(0.15, abs=0.004)
    assert not chosen[:, [0, 128, 129]].any()
    assert np.array_equal(labels[chosen], ids[chosen])
    assert chosen[starts].mean() == pytest.approx(0.15, abs=0.003)
    # The first word of a review, and of a block, is as likely as the others.
    for place in (1, 130):
        assert chosen[:, place].mean() == pytest.approx(0.15, abs=0.02)


@pytest.mark.parametrize("probability", [0.05, 0.15, 0.5, 1.0])
@pytest.mark.parametrize("length", [4, 12, 40])
def test_spans_of_short_blocks_have_the_share_that_was_asked_for(
    length: int, probability: float
) -> None:
    n_blocks = 200_000 // length
    ids = np.full((n_blocks, length), 50)
    starts = np.ones(ids.shape, np.bool_)
    ids[:, [0, -1]], starts[:, [0, -1]] = 2, False
    special = (0, 1, 2, 3, 4)
    recipe = MaskRecipe(
        mask_id=4, vocab_size=4000, special_ids=special, probability=probability, spans=True
    )
    blocks = np.array([(3, 0, 0, 0, row) for row in range(n_blocks)])

    chosen = mask_blocks(ids, starts, blocks, recipe)[1][:, 1:-1] != -100

    # Words of a span fall together: four standard deviations of a share of so many spans.
    bound = 4 * np.sqrt(probability * (1 - probability) * 4 / n_blocks)
    assert np.abs(chosen.mean(axis=0) - probability).max() <= bound
    assert abs(chosen.mean() - probability) <= bound / np.sqrt(max(1, length / 10))


def test_spans_are_whole_words_with_a_mean_length_near_that_of_spanbert() -> None:
    _, starts, _, labels = spans_of()
    chosen = labels != -100
    word = np.cumsum(starts, axis=1)
    later = ~starts[:, 1:] & (word[:, 1:] > 0)
    later[:, [127, 128]] = False

    assert np.array_equal(chosen[:, 1:][later], chosen[:, :-1][later])
    # Runs of chosen words: spans of 3.8 words, and some that touch. A run begins where a span does
    # behind a word outside: 0.15 / (0.85 * 0.0422) = 4.18 words; blocks' ends cut some.
    runs = [
        len(run)
        for row, begins in zip(chosen, starts, strict=True)
        for run in "".join("x" if c else " " for c in row[begins]).split()
    ]
    assert np.mean(runs) == pytest.approx(4.18, abs=0.15)


def test_a_span_is_replaced_as_a_whole() -> None:
    ids, _, masked, labels = spans_of()
    chosen = labels != -100
    kinds = np.where(masked == 4, 1, np.where(masked == ids, 2, 3)) * chosen
    shares = [(kinds[chosen] == kind).mean() for kind in (1, 3, 2)]

    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    both = chosen[:, 1:] & chosen[:, :-1]
    same = (kinds[:, 1:] == kinds[:, :-1])[both].mean()
    assert same > 0.95  # By itself each token would agree in 0.66 of the cases.


@pytest.mark.parametrize("probability", [0.01, 0.15, 0.5, 1.0])
def test_how_often_spans_begin(probability: float) -> None:
    begin = span_begin_probability(probability)
    shares = np.array([0.8**n for n in range(10)])
    longer = np.array([shares[n:].sum() for n in range(10)]) / shares.sum()

    assert np.prod(1 - begin * longer) == pytest.approx(1 - probability, abs=1e-12)


def test_whole_words_and_spans_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        MaskRecipe(mask_id=4, vocab_size=10, special_ids=(), whole_words=True, spans=True)


def test_the_recipe_takes_its_ids_from_the_dataset(mlm: Path) -> None:
    dataset = ShardDataset(mlm)

    assert mask_recipe(dataset, seed=7) == RECIPE
