import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

from tests.training.datasets import RECIPE, write_classification, write_mlm
from training.reading.dataset import ShardDataset
from training.reading.row_reader import COLUMNS, REVIEW_COLUMNS, RowBatch, pad_to_longest
from transforms.functional.errors import DatasetError, UsageError
from transforms.functional.rows.token_bits import position_ids_of, seq_idx_of, word_ids_from_starts


def table_of(dataset: ShardDataset) -> pa.Table:
    """Return all rows as Arrow's own reader gives them."""
    folder = Path(dataset.location.url)
    return pa.concat_tables(
        [pa.ipc.open_file(str(folder / shard.path)).read_all() for shard in dataset.shards]
    )


def change_manifest(folder: Path, **changes: object) -> None:
    content = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**content, **changes}))


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


def test_a_pickled_dataset_reads_the_same_rows(mlm: Path) -> None:
    dataset = ShardDataset(mlm)
    expected = dataset[[5, 100]]

    other = pickle.loads(pickle.dumps(dataset))

    assert torch.equal(other[[5, 100]]["input_ids"], expected["input_ids"])


def test_static_labels_are_those_of_the_shards(tmp_path: Path) -> None:
    dataset = ShardDataset(write_mlm(tmp_path, static=RECIPE))
    batch = dataset[[9, 2]]

    assert dataset.columns == ("input_ids", "attention_mask", "labels")
    assert batch["labels"].tolist() == [table_of(dataset)["labels"][i].as_py() for i in (9, 2)]
    assert batch["labels"].dtype == torch.int64
    assert (batch["labels"] != -100).any()


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no finished dataset: run `python -m beam_pipeline"):
        ShardDataset(tmp_path)


def test_a_newer_format_is_refused_with_the_cure(tmp_path: Path) -> None:
    change_manifest(write_mlm(tmp_path), format_version=99)

    with pytest.raises(DatasetError, match=r"version 99.*install a newer release"):
        ShardDataset(tmp_path)


def test_a_damaged_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")

    with pytest.raises(DatasetError, match="damaged"):
        ShardDataset(tmp_path)


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(DatasetError, match="nowhere://"):
        ShardDataset("nowhere://bucket/dataset")


def test_parquet_is_refused_with_the_cure(tmp_path: Path) -> None:
    folder = write_mlm(tmp_path, format="parquet")

    with pytest.raises(DatasetError, match="--format arrow"):
        ShardDataset(folder)


def test_an_empty_subset_is_refused_and_says_which_is_not(ragged: Path, tmp_path: Path) -> None:
    message = r"no rows in subset 'validation'.*train \([\d,]+ rows\)"
    with pytest.raises(DatasetError, match=message):
        ShardDataset(write_mlm(tmp_path), "validation")


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


def test_blocks_that_do_not_know_their_reviews_say_how_to_make_them(mlm: Path) -> None:
    for name in REVIEW_COLUMNS:
        with pytest.raises(DatasetError, match="make it with --review_starts or --packing best_"):
            ShardDataset(mlm, columns=["input_ids", name])


def test_labels_of_a_dataset_without_are_refused(mlm: Path) -> None:
    with pytest.raises(DatasetError, match="no labels: mask its blocks"):
        ShardDataset(mlm, columns=["input_ids", "labels"])
    with pytest.raises(UsageError, match="no column 'ids'"):
        ShardDataset(mlm, columns=["ids"])


def test_a_missing_shard_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    dataset = ShardDataset(write_mlm(tmp_path))
    (tmp_path / dataset.shards[1].path).unlink()

    assert len(dataset[[0]]["input_ids"]) == 1
    with pytest.raises(DatasetError, match=r"0000001-0000\.arrow cannot be opened"):
        dataset[[dataset.shard_rows[0]]]


def test_a_shard_that_is_cut_off_or_damaged_is_an_error(tmp_path: Path) -> None:
    dataset = ShardDataset(write_mlm(tmp_path))
    first, second = (tmp_path / shard.path for shard in dataset.shards[:2])
    first.write_bytes(first.read_bytes()[:-1])
    second.write_bytes(b"x" * second.stat().st_size)

    with pytest.raises(DatasetError, match="the manifest says"):
        dataset[[0]]
    with pytest.raises(DatasetError, match="damaged"):
        dataset[[dataset.shard_rows[0]]]


@pytest.mark.parametrize("make", [write_mlm, write_classification])
def test_a_flipped_bit_anywhere_in_a_shard_is_an_error_with_its_name(
    tmp_path: Path, make: Callable[..., Path]
) -> None:
    folder = make(tmp_path, shards=1)
    shard = folder / "train/0000000-0000.arrow"
    sound = shard.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(sound), 40).tolist():
        damaged = bytearray(sound)
        damaged[place] ^= 1 << (place % 8)
        shard.write_bytes(damaged)
        with pytest.raises(DatasetError, match=r"0000000-0000\.arrow is damaged") as error:
            ShardDataset(folder)[:]
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("make", [write_mlm, write_classification])
def test_a_damaged_shard_whose_hash_fits_is_an_error_or_read_but_no_crash(
    tmp_path: Path, make: Callable[..., Path]
) -> None:
    """Whoever changed the shard may have changed the manifest too."""
    folder = make(tmp_path, shards=1)
    shard = folder / "train/0000000-0000.arrow"
    sound, manifest = shard.read_bytes(), json.loads((folder / "manifest.json").read_text())
    refused = 0
    # The metadata of a small shard are its first and last bytes.
    places = [*range(0, 800, 7), *range(len(sound) - 800, len(sound), 7)]
    for place in places:
        damaged = bytearray(sound)
        damaged[place] ^= 0x40
        shard.write_bytes(damaged)
        entry = manifest["splits"]["train"]["shards"][0]
        entry["sha256"] = hashlib.sha256(damaged).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest))
        try:
            ShardDataset(folder, columns=["input_ids", "word_starts"])[:]
        except DatasetError:
            refused += 1
    assert refused > len(places) / 10


def test_a_shard_cut_off_anywhere_is_an_error_with_its_name(tmp_path: Path) -> None:
    folder = write_mlm(tmp_path, shards=1)
    shard = folder / "train/0000000-0000.arrow"
    sound = shard.read_bytes()
    for size in (0, 1, 7, 100, len(sound) // 2, len(sound) - 1):
        shard.write_bytes(sound[:size])
        with pytest.raises(DatasetError, match=rf"0000000-0000\.arrow has {size} bytes"):
            ShardDataset(folder)[:]


def test_importing_the_package_loads_neither_torch_nor_transformers() -> None:
    script = (
        "import sys, training; "
        "heavy = {'torch', 'transformers', 'apache_beam'} & set(sys.modules); "
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_whole_program_never_loads_beam() -> None:
    script = (
        "import sys, training.run, training.predict; "
        "sys.exit('loaded Beam' if 'apache_beam' in sys.modules else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
