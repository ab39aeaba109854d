"""Shards that are missing, cut off or damaged: an error with the name of the shard, no crash."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.training.datasets import write_classification, write_mlm
from training.reading.dataset import ShardDataset
from transforms.functional.errors import DatasetError


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
