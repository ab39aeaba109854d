"""Rows and columns of a dataset, by the numbers of rows."""

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings, strategies as st

from tests.training.datasets import RECIPE, write_classification, write_mlm
from training.reading.dataset import ShardDataset
from training.reading.row_reader import COLUMNS, REVIEW_COLUMNS, RowBatch, pad_to_longest
from transforms.functional.rows.token_bits import position_ids_of, seq_idx_of, word_ids_from_starts


def table_of(dataset: ShardDataset) -> pa.Table:
    """Return all rows as Arrow's own reader gives them."""
    folder = Path(dataset.location.url)
    return pa.concat_tables(
        [pa.ipc.open_file(str(folder / shard.path)).read_all() for shard in dataset.shards]
    )


@pytest.mark.parametrize("length", [8, 30, 32, 100])
def test_a_batch_holds_what_arrow_reads_for_rows_in_any_order(tmp_path: Path, length: int) -> None:
    dataset = ShardDataset(write_mlm(tmp_path, length=length), columns=COLUMNS[:4])
    table = table_of(dataset)
    rows = np.random.default_rng(0).permutation(len(dataset))
    assert len(rows) > 50

    batch = dataset[rows]

    for name in ("input_ids", "attention_mask", "word_starts"):
        expected = np.array(table[name].to_pylist())[rows]
        assert np.array_equal(batch[name].numpy(), expected)
    starts = batch["word_starts"].numpy()
    word_ids = word_ids_from_starts(batch["input_ids"].numpy(), starts, np.array([0, 2, 3]))
    assert np.array_equal(batch["word_ids"].numpy(), word_ids)
    assert [batch[name].dtype for name in COLUMNS[:4]] == [torch.int64] * 3 + [torch.bool]


def test_shards_of_several_record_batches_and_padding_are_read(tmp_path: Path) -> None:
    reviews = [(f"word {number}", number % 2) for number in range(9000)]
    folder = write_classification(
        tmp_path, length=8, shards=1, padding="max_length", reviews=reviews
    )
    dataset = ShardDataset(folder)
    table = table_of(dataset)
    rows = np.random.default_rng(0).permutation(9000)

    batch = dataset[rows]

    assert np.array_equal(
        batch["input_ids"].numpy(), np.array(table["input_ids"].to_pylist())[rows]
    )
    mask = np.array(table["attention_mask"].to_pylist())
    assert np.array_equal(batch["attention_mask"].numpy(), mask[rows])
    assert 0 < mask.sum() < mask.size
    assert batch["labels"].tolist() == [row % 2 for row in rows]


def test_ragged_rows_are_padded_to_the_longest_of_their_batch(ragged: Path) -> None:
    dataset = ShardDataset(ragged, columns=COLUMNS[:5])
    table = table_of(dataset)
    rows = np.random.default_rng(0).permutation(len(dataset))[:40]

    batch = dataset[rows]

    expected = [table["input_ids"][row].as_py() for row in rows.tolist()]
    longest = max(len(row) for row in expected)
    assert batch["input_ids"].tolist() == [row + [0] * (longest - len(row)) for row in expected]
    assert batch["attention_mask"].sum(dim=1).tolist() == [len(row) for row in expected]
    starts = [table["word_starts"][row].as_py() for row in rows.tolist()]
    assert batch["word_starts"].tolist() == [row + [False] * (longest - len(row)) for row in starts]
    assert dataset.lengths(rows).tolist() == [len(row) for row in expected]
    assert {len(row) for row in expected} != {longest}


def test_pad_to_longest() -> None:
    padded = pad_to_longest(np.array([1, 2, 3, 4, 5, 6]), np.array([3, 0, 1, 2]), 9)

    assert padded.tolist() == [[1, 2, 3], [9, 9, 9], [4, 9, 9], [5, 6, 9]]


def test_a_row_a_slice_and_a_list_agree(mlm: Path) -> None:
    dataset = ShardDataset(mlm, columns=COLUMNS[:4] + COLUMNS[5:])
    everything = dataset[:]

    for name, values in everything.items():
        assert len(values) == len(dataset)
        assert torch.equal(dataset[3][name], values[3])
        assert torch.equal(dataset[-1][name], values[-1])
        assert torch.equal(dataset[[7, 3, -5]][name], values[[7, 3, -5]])
        assert torch.equal(dataset[torch.tensor([7, 3])][name], values[[7, 3]])
        assert torch.equal(dataset[2:50:7][name], values[2:50:7])
        assert len(dataset[[]][name]) == 0


@pytest.mark.parametrize("row", [100_000, -100_000, [0, 100_000]])
def test_a_row_that_does_not_exist_is_an_index_error(mlm: Path, row: object) -> None:
    with pytest.raises(IndexError, match="100000"):
        ShardDataset(mlm)[row]  # type: ignore[index]


@pytest.mark.parametrize("rows", [[-1], [0, 2**40], [-(2**40)], [10**6, -1, 3]])
def test_a_batch_of_rows_that_do_not_exist_is_never_read(mlm: Path, rows: list[int]) -> None:
    """A sampler of another dataset: what lies behind the last row is no row, nor is row -1."""
    dataset = ShardDataset(mlm)
    wrong = next(row for row in rows if not 0 <= row < len(dataset))

    for fresh in (dataset, pickle.loads(pickle.dumps(dataset))):
        with pytest.raises(IndexError, match=f"no row {wrong}: the subset has {len(dataset)} rows"):
            fresh[RowBatch(np.array(rows), np.zeros(len(rows), np.int64))]
    with pytest.raises(IndexError, match=f"no row {wrong}"):
        dataset._reader.files.find(np.array(rows))


@given(rows=st.lists(st.integers(-900, 899), max_size=40), size=st.sampled_from([1, 7, 40]))
@settings(max_examples=40, deadline=None)
def test_rows_come_as_often_and_in_the_order_asked_for(
    mlm: Path, rows: list[int], size: int
) -> None:
    dataset = ShardDataset(mlm, columns=(*COLUMNS[:4], "block", "review"))
    assert len(dataset) >= 900
    everything = dataset[:]

    for begin in range(0, len(rows), size):
        part = rows[begin : begin + size]
        batch = dataset[part]
        for name, values in everything.items():
            assert torch.equal(batch[name], values[part])


@pytest.mark.parametrize("row", ["3", 1.5, [[1]]])
def test_what_is_no_row_number_is_a_type_error(mlm: Path, row: object) -> None:
    with pytest.raises(TypeError, match="row number"):
        ShardDataset(mlm)[row]  # type: ignore[index]


def test_blocks_and_reviews_name_where_a_row_comes_from(mlm: Path) -> None:
    dataset = ShardDataset(mlm, columns=["block", "review"])
    first = np.cumsum([0, *dataset.shard_rows])
    rows = np.array([first[2] + 5, 3])

    batch = dataset[RowBatch(rows, np.array([4, 9]))]

    assert batch["block"].tolist() == [[4, 2, 0, 0, 5], [9, 0, 0, 0, 3]]
    assert batch["review"][0, 0] == 2
    source, record = dataset.review_of(int(rows[0]))
    assert source == "input-2.jsonl"
    assert record == table_of(dataset)["record"][int(rows[0])].as_py() > 0


def test_static_labels_are_those_of_the_shards(tmp_path: Path) -> None:
    dataset = ShardDataset(write_mlm(tmp_path, static=RECIPE))
    batch = dataset[[9, 2]]

    assert dataset.columns == ("input_ids", "attention_mask", "labels")
    assert batch["labels"].tolist() == [table_of(dataset)["labels"][i].as_py() for i in (9, 2)]
    assert batch["labels"].dtype == torch.int64
    assert (batch["labels"] != -100).any()


def test_blocks_that_know_their_reviews_give_positions_and_numbers(fitted: Path) -> None:
    dataset = ShardDataset(fitted, columns=[*REVIEW_COLUMNS, "attention_mask"])
    table = table_of(dataset)
    rows = np.random.default_rng(0).permutation(len(dataset))

    batch = dataset[rows]

    starts = np.array(table["review_starts"].to_pylist())[rows]
    real = np.array(table["attention_mask"].to_pylist())[rows]
    assert (starts.sum(axis=1) > 1).any() and not real.all()
    assert np.array_equal(batch["review_starts"].numpy(), starts)
    assert np.array_equal(batch["position_ids"].numpy(), position_ids_of(starts, real))
    assert np.array_equal(batch["seq_idx"].numpy(), seq_idx_of(starts, real))
    types = [batch[name].dtype for name in REVIEW_COLUMNS]
    assert types == [torch.bool, torch.int64, torch.int32]
    assert dataset[3]["seq_idx"].shape == (32,)
