"""Other readers of tokenized data, each as its documentation says; imported only when measured.

Each function writes the blocks in the reader's own format, and returns what starts an epoch of
shuffled batches of int64 `input_ids` and `attention_mask`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

Batches = Callable[[], Iterator[dict[str, torch.Tensor]]]


def _with_mask(samples: list[Any]) -> dict[str, torch.Tensor]:
    ids = torch.stack([torch.as_tensor(sample["input_ids"]) for sample in samples]).long()
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def litdata(ids: np.ndarray, folder: Path, batch_size: int) -> Batches:
    """LitData: optimized chunks, streamed in random order."""
    from litdata import StreamingDataLoader, StreamingDataset
    from litdata.streaming import Cache

    target = folder / "litdata"
    cache = Cache(str(target), chunk_bytes="16MB")
    for number, row in enumerate(ids):
        cache[number] = {"input_ids": np.array(row)}
    cache.done()
    cache.merge()

    def epoch() -> Iterator[dict[str, torch.Tensor]]:
        dataset = StreamingDataset(str(target), shuffle=True)
        return iter(StreamingDataLoader(dataset, batch_size=batch_size, collate_fn=_with_mask))

    return epoch


def datasets(ids: np.ndarray, folder: Path, batch_size: int) -> Batches:
    """Hugging Face datasets: a saved Arrow table in torch format, read batch by batch."""
    import datasets as library

    def rows() -> Iterator[dict[str, Any]]:
        for row in ids:
            yield {"input_ids": row.astype(np.int64), "attention_mask": np.ones(len(row), np.int64)}

    length = ids.shape[1]
    column = library.Sequence(library.Value("int64"), length=length)
    features = library.Features({"input_ids": column, "attention_mask": column})
    cache = str(folder / "datasets_cache")
    made = library.Dataset.from_generator(rows, features=features, cache_dir=cache)
    made.save_to_disk(str(folder / "datasets"))
    table = library.load_from_disk(str(folder / "datasets")).with_format("torch")
    return lambda: iter(DataLoader(table, batch_size=batch_size, shuffle=True))


def mosaicml_streaming(ids: np.ndarray, folder: Path, batch_size: int) -> Batches:
    """MosaicML Streaming: MDS shards."""
    from streaming import MDSWriter, StreamingDataset

    target = folder / "mds"
    with MDSWriter(out=str(target), columns={"input_ids": f"ndarray:uint16:{ids.shape[1]}"}) as out:
        for row in ids:
            out.write({"input_ids": np.array(row)})

    def epoch() -> Iterator[dict[str, torch.Tensor]]:
        dataset = StreamingDataset(local=str(target), shuffle=True, batch_size=batch_size)
        return iter(DataLoader(dataset, batch_size=batch_size, collate_fn=_with_mask))

    return epoch


PEERS: dict[str, Callable[[np.ndarray, Path, int], Batches]] = {
    "litdata": litdata,
    "datasets": datasets,
    "mosaicml-streaming": mosaicml_streaming,
}
