"""Hashes of the texts of a generation, by which later ones find repeated reviews."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.functional.figures.review_statistics import MAX_HASHED_REVIEWS

Hashes = npt.NDArray[np.uint64]


def dump_hashes(hashes: Hashes) -> bytes:
    """Return (n,) uint64 hashes as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text_hash": hashes}), sink, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data


def load_hashes(data: bytes) -> Hashes:
    """Return the hashes in such a file."""
    hashes: Hashes = pq.read_table(pa.BufferReader(data)).column("text_hash").to_numpy()
    return hashes


def count_repeated(texts: Hashes, earlier: Sequence[Hashes]) -> int | None:
    """Return how many different texts are in earlier generations, too.

    Args:
        texts: (n,) hashes, each once.
        earlier: The same of each earlier generation.

    Returns:
        The number; None where there are more than `MAX_HASHED_REVIEWS` to compare with.
    """
    if sum(map(len, earlier)) > MAX_HASHED_REVIEWS:
        return None
    known = np.unique(np.concatenate([np.empty(0, np.uint64), *earlier]))
    return int(np.count_nonzero(np.isin(texts, known, assume_unique=True)))
