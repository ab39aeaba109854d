import errno
import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.paths import ROOT
from tests.training.bucket import Bucket
from tests.training.datasets import write_mlm
from tests.waiting import wait_for
from training.reading.dataset import ShardDataset
from training.reading.mixed_rows import MixedRows
from training.reading.prefetch import Prefetcher
from training.reading.shard_cache import CacheFullError, ShardCache
from training.sampling.order import ShardOrder
from training.sampling.row_draws import draw_rows
from training.sampling.sampler import ElasticSampler
from transforms.functional.errors import DatasetError

READER = """
import sys
import numpy as np
import tests.training.bucket
from training.reading.dataset import ShardDataset
from training.reading.shard_cache import ShardCache
url, folder, max_bytes, seed = sys.argv[1:]
cache = ShardCache(folder, max_bytes=int(max_bytes))
dataset = ShardDataset("bucket://" + url, cache=cache)
rows = np.random.default_rng(int(seed)).permutation(len(dataset))
total = sum(int(dataset[part]["input_ids"].sum()) for part in np.array_split(rows, 40))
print(total)
"""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return write_mlm(tmp_path / "remote", shards=8)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BUCKET_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def open_remote(remote: Path, cache: ShardCache) -> ShardDataset:
    return ShardDataset(f"bucket://{remote}", cache=cache)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_remote_dataset_gives_the_rows_of_a_local_one(remote: Path, tmp_path: Path) -> None:
    local, cache = ShardDataset(remote), ShardCache(tmp_path / "cache")
    dataset = open_remote(remote, cache)
    rows = np.random.default_rng(0).permutation(len(local))

    assert torch.equal(dataset[rows]["input_ids"], local[rows]["input_ids"])
    assert files(cache.folder) == sorted(f"{shard.sha256}.arrow" for shard in local.shards)


def test_only_the_shards_that_are_read_are_fetched_and_only_once(
    remote: Path, tmp_path: Path, log: Path
) -> None:
    for _ in range(2):
        dataset = open_remote(remote, ShardCache(tmp_path / "cache"))
        dataset[[0, 1]]
        dataset[[0, sum(dataset.shard_rows[:3])]]

    assert log.read_text().split() == ["0000000-0000.arrow", "0000003-0000.arrow"]


def test_the_folder_stays_below_its_bound_and_rows_stay_right(remote: Path, tmp_path: Path) -> None:
    local = ShardDataset(remote)
    largest = max(shard.bytes for shard in local.shards)
    cache = ShardCache(tmp_path / "cache", max_bytes=3 * largest)
    dataset = open_remote(remote, cache)
    first = np.cumsum([0, *local.shard_rows])

    for shard in [*range(8), *range(8), 0, 7, 0, 7]:
        rows = [int(first[shard]), int(first[(shard + 1) % 8])]
        assert torch.equal(dataset[rows]["input_ids"], local[rows]["input_ids"])
        assert sum(file.stat().st_size for file in cache.folder.iterdir()) <= 3 * largest
    assert 1 < len(files(cache.folder)) < 8


def test_a_batch_of_more_shards_than_the_bound_is_an_error_with_the_cure(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.reading.shard_cache._PATIENCE_SECONDS", 0.1)
    largest = max(shard.bytes for shard in ShardDataset(remote).shards)
    dataset = open_remote(remote, ShardCache(tmp_path / "cache", max_bytes=2 * largest))

    with pytest.raises(CacheFullError, match="raise --cache_gb"):
        dataset[:]


def test_a_shard_larger_than_the_bound_is_an_error_at_once(remote: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not go into the cache"):
        open_remote(remote, ShardCache(tmp_path / "cache", max_bytes=100))[[0]]
    assert files(tmp_path / "cache") == []


def test_a_damaged_shard_is_fetched_again_once(
    remote: Path, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bucket, "damage", {"0000000-0000.arrow": 1, "0000001-0000.arrow": 2})
    dataset = open_remote(remote, ShardCache(tmp_path / "cache"))

    assert torch.equal(dataset[[0]]["input_ids"], ShardDataset(remote)[[0]]["input_ids"])
    with pytest.raises(DatasetError, match=r"0000001-0000\.arrow is damaged.*fetched again"):
        dataset[[dataset.shard_rows[0]]]
    assert log.read_text().split() == ["0000000-0000.arrow"] * 2 + ["0000001-0000.arrow"] * 2
    assert files(tmp_path / "cache") == [f"{dataset.shards[0].sha256}.arrow"]


@pytest.mark.parametrize("damage", [lambda data: data[:-9] + b"!" + data[-8:], lambda d: d[:100]])
def test_a_copy_that_went_bad_in_the_cache_is_fetched_again(
    remote: Path, tmp_path: Path, log: Path, damage: Callable[[bytes], bytes]
) -> None:
    cache = ShardCache(tmp_path / "cache")
    expected = open_remote(remote, cache)[[0]]["input_ids"]
    [copy] = cache.folder.glob("*.arrow")
    copy.write_bytes(damage(copy.read_bytes()))

    dataset = open_remote(remote, ShardCache(tmp_path / "cache"))

    assert torch.equal(dataset[[0]]["input_ids"], expected)
    assert log.read_text().split() == ["0000000-0000.arrow"] * 2
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == copy.stem


def test_a_manifest_cannot_name_a_file_outside_the_cache(remote: Path, tmp_path: Path) -> None:
    victim = tmp_path / "precious.arrow"
    victim.write_text("not ours")
    manifest = json.loads((remote / "manifest.json").read_text())
    manifest["splits"]["train"]["shards"][0]["sha256"] = str(tmp_path / "precious")
    (remote / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(DatasetError, match="which is no sha256 of 64 hexadecimal digits"):
        open_remote(remote, ShardCache(tmp_path / "cache", max_bytes=1))
    assert victim.read_text() == "not ours"


def test_a_shard_that_is_gone_is_an_error_with_its_name(remote: Path, tmp_path: Path) -> None:
    (remote / "train/0000000-0000.arrow").unlink()

    with pytest.raises(DatasetError, match=r"bucket://.*0000000-0000\.arrow is gone"):
        open_remote(remote, ShardCache(tmp_path / "cache"))[[0]]
    assert files(tmp_path / "cache") == []


def test_a_full_disk_is_an_error_and_leaves_nothing(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(DatasetError, match=r"No space left on device.*--cache_folder"):
        open_remote(remote, ShardCache(tmp_path / "cache"))[[0]]
    assert files(tmp_path / "cache") == []


def test_a_cache_folder_that_cannot_be_made_is_an_error(remote: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DatasetError, match="another --cache_folder"):
        open_remote(remote, ShardCache(tmp_path / "file/cache"))[[0]]


def test_a_shard_that_is_being_read_is_not_removed(remote: Path, tmp_path: Path) -> None:
    shards = ShardDataset(remote).shards
    urls = [f"bucket://{remote}/{shard.path}" for shard in shards]
    size = shards[0].bytes + shards[1].bytes
    ours, theirs = (ShardCache(tmp_path / "cache", max_bytes=size) for _ in range(2))
    held = ours.fetch(urls[0], shards[0])

    theirs.fetch(urls[1], shards[1])
    with pytest.raises(CacheFullError):
        theirs.fetch(urls[2], shards[2], patient=False)
    assert held.exists()

    ours.release(shards[0])
    theirs.fetch(urls[2], shards[2], patient=False)
    assert not held.exists()


@pytest.mark.slow
def test_a_killed_download_leaves_nothing_for_long(remote: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    command = [sys.executable, "-c", READER, str(remote), str(folder), str(10**9), "0"]
    environment = {**os.environ, "BUCKET_DELAY": "100"}
    with subprocess.Popen(command, env=environment, cwd=ROOT) as reader:
        wait_for(
            "part of a shard",
            lambda: folder.exists() and any(n.endswith(".part") for n in files(folder)),
        )
        reader.send_signal(signal.SIGKILL)

    assert [Path(name).suffix for name in files(folder)] == [".part"]
    dataset = open_remote(remote, ShardCache(folder))
    dataset[[0]]
    assert files(folder) == [f"{dataset.shards[0].sha256}.arrow"]


@pytest.mark.slow
def test_processes_share_a_folder(remote: Path, tmp_path: Path) -> None:
    local = ShardDataset(remote)
    total = int(local[:]["input_ids"].sum())
    folder, log = tmp_path / "cache", tmp_path / "log"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(remote), str(folder), str(10**9), str(seed)],
            env={**os.environ, "BUCKET_LOG": str(log), "BUCKET_DELAY": "0.02"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(3)
    ]
    outputs = [reader.communicate(timeout=120)[0].strip() for reader in readers]

    assert outputs == [str(total)] * 3
    assert sorted(log.read_text().split()) == [f"{n:07d}-0000.arrow" for n in range(8)]
    assert all(name.endswith(".arrow") for name in files(folder))


def test_shards_are_fetched_ahead_in_the_order_of_the_sampler(
    remote: Path, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.reading.prefetch._THREADS", 1)
    dataset = open_remote(remote, ShardCache(tmp_path / "cache"))
    order = ShardOrder(dataset.shard_rows, seed=4, window_shards=2)
    batches = iter(ElasticSampler(order, 4, rank=0, world_size=1, fetcher=dataset))

    next(batches)

    now, following = order.windows(0, 0)[1]
    expected = [f"{shard:07d}-0000.arrow" for shard in now + following]
    wait_for("line of each process", lambda: log.exists() and len(log.read_text().split()) == 4)
    assert log.read_text().split() == expected
    wait_for(
        "shard", lambda: len([n for n in files(tmp_path / "cache") if n.endswith(".arrow")]) == 4
    )
    for batch in batches:
        dataset[batch]
    assert len(log.read_text().split()) == 8


def test_a_reader_that_finds_no_room_gets_that_of_readers_that_rest(
    remote: Path, tmp_path: Path
) -> None:
    """A cache that holds the training shards or those of an evaluation, but not both."""
    folder = write_mlm(tmp_path / "more", shards=4, validation_shards=4)
    subsets = ShardDataset(folder).manifest.subsets.values()
    size = max(sum(shard.bytes for shard in shards) for shards in subsets) + 1000
    cache = ShardCache(tmp_path / "cache", max_bytes=size)
    train = open_remote(folder, cache)
    evaluation = ShardDataset(f"bucket://{folder}", "validation", cache=cache)
    begin = time.monotonic()
    for _ in range(2):
        assert torch.equal(train[:]["input_ids"], ShardDataset(folder)[:]["input_ids"])
        expected = ShardDataset(folder, "validation")[:]["input_ids"]
        assert torch.equal(evaluation[:]["input_ids"], expected)
        assert sum(file.stat().st_size for file in cache.folder.iterdir()) <= size
    assert time.monotonic() - begin < 30  # Less than the patience with other processes.


RESTING = """
import sys, time
import tests.training.bucket
import training.reading.room
from training.reading.dataset import ShardDataset
from training.reading.shard_cache import ShardCache
training.reading.room._IDLE_SECONDS = 0.2
dataset = ShardDataset("bucket://" + sys.argv[1], cache=ShardCache(sys.argv[2]))
first = dataset[:]["input_ids"].sum()
print("read", flush=True)
sys.stdin.readline()
sys.exit(int(first != dataset[:]["input_ids"].sum()))
"""


@pytest.mark.slow
def test_processes_that_rest_let_shards_go_that_another_needs(remote: Path, tmp_path: Path) -> None:
    folder = write_mlm(tmp_path / "more", shards=4)
    local = ShardDataset(folder)
    size = sum(shard.bytes for shard in ShardDataset(remote).shards) + local.shards[0].bytes
    command = [sys.executable, "-c", RESTING, str(remote), str(tmp_path / "cache")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as resting:
        assert resting.stdout is not None and resting.stdout.readline() == "read\n"
        dataset = open_remote(folder, ShardCache(tmp_path / "cache", max_bytes=size))
        assert torch.equal(dataset[:]["input_ids"], local[:]["input_ids"])
        # What it let go it reads again.
        resting.communicate("go on\n", timeout=60)
    assert resting.returncode == 0


def test_shards_are_fetched_several_at_once(remote: Path) -> None:
    """None of the downloads ends before all four have begun."""
    shards = ShardDataset(remote).shards
    together = threading.Barrier(4, timeout=30)
    prefetcher = Prefetcher(lambda _url, _shard: together.wait() and None)

    prefetcher.request([("url", shard) for shard in shards[:4]], 1)

    wait_for(
        "end of the queue", lambda: together.n_waiting == 0 and not any(prefetcher._queues.values())
    )
    prefetcher.stop()
    assert not together.broken


def test_what_is_fetched_ahead_takes_no_room_from_what_is_needed_before_it(
    remote: Path, tmp_path: Path
) -> None:
    shards = list(ShardDataset(remote).shards)
    urls = [f"bucket://{remote}/{shard.path}" for shard in shards]
    cache = ShardCache(tmp_path / "cache", max_bytes=sum(shard.bytes for shard in shards[:3]) + 999)
    old = ShardDataset(remote).shards[7]
    cache.fetch(urls[7], old)
    cache.release(old)
    reader = open_remote(remote, cache)._reader.files

    cache.fetch_ahead(list(zip(urls[:7], shards[:7], strict=True)), reader)
    prefetcher = cache._prefetcher
    assert prefetcher is not None
    wait_for("end of the queue", lambda: not any(prefetcher._queues.values()))
    prefetcher.stop()

    # The one that nobody asked for any more had to go, none of those that come soon.
    kept = {Path(name).stem for name in files(cache.folder) if name.endswith(".arrow")}
    assert len(kept) >= 2
    assert kept <= {shard.sha256 for shard in shards[:7]}


def test_datasets_that_are_mixed_are_all_fetched_ahead(remote: Path, tmp_path: Path) -> None:
    other = write_mlm(tmp_path / "other", shards=2)
    cache = ShardCache(tmp_path / "cache")
    sources = [open_remote(folder, cache) for folder in (remote, other)]

    MixedRows(sources).fetch_ahead(range(10))

    expected = {f"{shard.sha256}.arrow" for source in sources for shard in source.shards}
    wait_for("shard", lambda: expected <= set(files(tmp_path / "cache")))


def test_training_begins_when_the_first_shards_are_there(remote: Path, tmp_path: Path) -> None:
    dataset = open_remote(remote, ShardCache(tmp_path / "cache"))
    order = ShardOrder(dataset.shard_rows, seed=4, window_shards=8, first_window_shards=2)

    dataset[next(iter(ElasticSampler(order, 16, rank=0, world_size=1)))]

    assert len([name for name in files(tmp_path / "cache") if name.endswith(".arrow")]) == 2


def test_of_drawn_rows_only_the_shards_that_hold_them_are_fetched(
    remote: Path, tmp_path: Path, log: Path
) -> None:
    dataset = open_remote(remote, ShardCache(tmp_path / "cache"))
    drawn = draw_rows(dataset, 3, seed=2)
    order = ShardOrder(drawn.shard_rows, seed=4)

    for batch in ElasticSampler(order, 2, rank=0, world_size=1, fetcher=drawn):
        drawn[batch]

    held = [f"{shard:07d}-0000.arrow" for shard in np.flatnonzero(drawn.shard_rows).tolist()]
    assert sorted(log.read_text().split()) == held
    assert len(held) <= 3


def test_a_pickled_remote_dataset_reads_too(remote: Path, tmp_path: Path) -> None:
    dataset = open_remote(remote, ShardCache(tmp_path / "cache"))
    expected = dataset[[3]]["input_ids"]
    dataset.fetch_ahead([1])

    other = pickle.loads(pickle.dumps(dataset))

    assert torch.equal(other[[3]]["input_ids"], expected)
