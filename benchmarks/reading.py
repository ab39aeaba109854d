"""How fast batches of shuffled blocks are read, beside other readers of tokenized data.

    python -m benchmarks.reading                  # 61,000 blocks of 512 tokens
    python -m benchmarks.reading --rows 2000      # quick, for CI

Every reader gives batches of int64 ids and attention mask, shuffled, without worker processes.
Readers that are not installed are left out. All run in turn, `--rounds` times; the figures are
medians, so that a slow minute of the machine hits all alike. The files are in the page cache.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from benchmarks.reading_peers import PEERS
from benchmarks.timing import machine
from tests.training.datasets import VOCAB_SIZE, write_manifest, write_shard
from training import (
    MLM_COLUMNS,
    ElasticSampler,
    MlmCollator,
    ShardDataset,
    ShardLoader,
    ShardOrder,
    mask_recipe,
)
from training.sampling.loader import as_it_is
from transforms.functional.rows.rows import Rows

Epoch = Callable[[], int]


def write_blocks(folder: Path, *, rows: int, length: int, shards: int) -> None:
    """Write a dataset of full blocks of random tokens, four in five of which begin a word."""
    random = np.random.default_rng(0)
    entries = []
    for number, part in enumerate(np.array_split(np.arange(rows), shards)):
        n_tokens = len(part) * length
        blocks = Rows(
            row_length=length,
            offsets=np.arange(len(part) + 1, dtype=np.int64) * length,
            input_ids=random.integers(5, VOCAB_SIZE, n_tokens).astype(np.uint32),
            attention_mask=np.ones(n_tokens, np.bool_),
            word_starts=random.random(n_tokens) < 0.8,
            review=np.arange(len(part)),
        )
        entries.append(write_shard(folder, "train", number, blocks))
    write_manifest(folder, "mlm", length, {"train": entries}, {"masking": "dynamic"})


class RawBlocks(Dataset[dict[str, torch.Tensor]]):
    """All ids in one file without a format: what numpy alone can do."""

    def __init__(self, path: Path, length: int) -> None:
        """Map the file."""
        self.ids = np.memmap(path, np.uint16, "r").reshape(-1, length)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    def __getitem__(self, rows: int | np.ndarray) -> dict[str, torch.Tensor]:
        """Return a row or a batch."""
        ids = torch.from_numpy(self.ids[rows].astype(np.int64))
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def readers(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, Epoch]]:
    """Yield the name of each reader, and what reads one epoch and returns the rows seen."""
    blocks = ShardDataset(folder / "shards")
    raw_file = folder / "raw.bin"
    with raw_file.open("wb") as raw:
        for begin in range(0, len(blocks), 1000):
            ids = blocks[begin : begin + 1000]["input_ids"].numpy()
            raw.write(ids.astype(np.uint16).tobytes())
    raw_blocks = RawBlocks(raw_file, options.length)
    batch, order = options.batch_size, ShardOrder(blocks.shard_rows)

    def gathers(dataset: RawBlocks | ShardDataset) -> int:
        rows = np.random.default_rng(0).permutation(len(blocks))
        return _count(dataset[rows[i : i + batch]] for i in range(0, len(rows), batch))

    def elastic() -> int:
        sampler = ElasticSampler(order, batch)
        return _count(DataLoader(blocks, batch_size=None, sampler=sampler, collate_fn=as_it_is))

    def by_list() -> int:
        sampler = BatchSampler(RandomSampler(blocks), batch, drop_last=False)
        return _count(DataLoader(blocks, batch_size=None, sampler=sampler, collate_fn=as_it_is))

    yield "numpy.memmap, batch gather, no DataLoader", lambda: gathers(raw_blocks)
    yield (
        "numpy.memmap, a row at a time, DataLoader",
        lambda: _count(DataLoader(raw_blocks, batch_size=batch, shuffle=True)),
    )
    yield "ShardDataset, no DataLoader", lambda: gathers(blocks)
    yield "ShardDataset, ElasticSampler, DataLoader", elastic
    yield "ShardDataset, ElasticSampler, ShardLoader", lambda: _epoch(blocks, order, batch)
    yield "ShardDataset, BatchSampler, DataLoader", by_list
    yield from maskers(blocks.with_columns(MLM_COLUMNS), order, batch)
    for name, make in PEERS.items():
        if _version(name) is not None and name not in options.without:
            yield name, _peer(make, raw_blocks, folder, batch)


def maskers(blocks: ShardDataset, order: ShardOrder, batch: int) -> Iterator[tuple[str, Epoch]]:
    """Yield what masks an epoch: blocks as they are read, and 20 batches in memory in turns."""
    blocks.set_epoch(0)
    held = [blocks[i : i + batch] for i in range(0, min(len(blocks), 20 * batch), batch)]
    whole, rest = divmod(len(blocks), batch)

    def alone(collate: MlmCollator) -> int:
        seen = _count(collate(each) for each in islice(cycle(held), whole))
        return seen + _count(iter([collate(blocks[:rest])]))

    for name, unit in (
        ("tokens", {}),
        ("whole words", {"whole_words": True}),
        ("spans", {"spans": True}),
    ):
        collate = MlmCollator(mask_recipe(blocks, **unit))
        read = partial(_epoch, blocks, order, batch, collate)
        yield f"ElasticSampler, ShardLoader, dynamic masks of {name}", read
        yield f"MlmCollator alone, {name}", partial(alone, collate)


def _epoch(
    blocks: ShardDataset, order: ShardOrder, batch: int, collate: Callable = as_it_is
) -> int:
    return _count(ShardLoader(blocks, ElasticSampler(order, batch), collate_fn=collate))


def _peer(make: Callable, raw: RawBlocks, folder: Path, batch: int) -> Epoch:
    loader = make(raw.ids, folder, batch)
    return lambda: _count(loader())


def _count(batches: Iterator | DataLoader) -> int:
    return sum(len(batch["input_ids"]) for batch in batches)


def measure(options: argparse.Namespace) -> tuple[dict[str, float], list[int]]:
    """Return the rows a second of each reader, medians of the rounds; and `own_memory`."""
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        write_blocks(
            folder / "shards", rows=options.rows, length=options.length, shards=options.shards
        )
        memory = own_memory(ShardDataset(folder / "shards"), 4, options.batch_size)
        contestants = dict(readers(folder, options))
        speeds: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(options.rounds + 1):
            for name, epoch in contestants.items():
                gc.collect()
                begin = time.perf_counter()
                seen = epoch()
                speeds[name].append(seen / (time.perf_counter() - begin))
                if seen != options.rows:
                    raise RuntimeError(f"{name} gave {seen} rows of {options.rows}")
    # The first round fills caches.
    return {name: statistics.median(values[1:]) for name, values in speeds.items()}, memory


def table(speeds: dict[str, float]) -> str:
    """Return the results as a Markdown table."""
    raw = next(iter(speeds.values()))
    lines = ["| reader | rows/s | of the raw gather |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {speed:,.0f} | {speed / raw:.3f} |" for name, speed in speeds.items()]
    return "\n".join(lines)


def open_many(n_shards: int) -> float:
    """Return the seconds to open a dataset of `n_shards` shards."""
    with tempfile.TemporaryDirectory() as temporary:
        write_blocks(Path(temporary), rows=n_shards, length=8, shards=n_shards)
        begin = time.perf_counter()
        len(ShardDataset(temporary))
        return time.perf_counter() - begin


def own_memory(dataset: ShardDataset, epochs: int, batch_size: int) -> list[int]:
    """Return the bytes of this process's own, the mapped files left out, after each epoch."""
    order, sizes = ShardOrder(dataset.shard_rows), []
    for epoch in range(epochs):
        sampler = ElasticSampler(order, batch_size)
        sampler.set_epoch(epoch)
        _count(DataLoader(dataset, batch_size=None, sampler=sampler, collate_fn=as_it_is))
        status = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        sizes.append(int(status["RssAnon"].split()[0]) * 1024)
    return sizes


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def main() -> None:
    """Measure, and print a table and the versions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=61_000, help="blocks in the dataset")
    parser.add_argument("--length", type=int, default=512, help="tokens in a block")
    parser.add_argument("--shards", type=int, default=8, help="shards of the dataset")
    parser.add_argument("--batch_size", type=int, default=32, help="blocks in a batch")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each reader")
    parser.add_argument("--many_shards", type=int, default=10_000, help="shards to open at once")
    parser.add_argument("--without", nargs="*", default=[], help="other readers to leave out")
    parser.add_argument("--folder", help="where to write the data, default: a temporary folder")
    options = parser.parse_args()
    speeds, memory = measure(options)
    print(table(speeds))
    megabytes = ", ".join(f"{size / 1e6:.0f}" for size in memory)
    print(f"\nMemory of the process's own after each of {len(memory)} epochs: {megabytes} MB.")
    seconds = open_many(options.many_shards)
    print(f"\nA manifest of {options.many_shards:,} shards opens in {seconds:.2f} s.")
    packages = ["numpy", "pyarrow", "torch", *PEERS]
    measured = [name for name in packages if _version(name) and name not in options.without]
    print(f"\n{machine(measured)}")


if __name__ == "__main__":
    main()
