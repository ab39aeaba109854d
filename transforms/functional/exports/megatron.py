"""Megatron's indexed dataset: `tokens.bin` and `tokens.idx`, for `--data-path .../tokens`.

`tokens.bin` holds the ids of all rows end to end, without padding. `tokens.idx` is, little-endian:

- `MMIDIDX`, two zero bytes, and the version 1 (uint64);
- the type of the ids (uint8: 4 for int32, 8 for uint16);
- the number of sequences and of the places of documents (uint64);
- the length of each sequence (int32), and the byte where it begins (int64);
- the sequence with which each document begins, and the number of sequences (int64).

Each row is one sequence, and one document.
"""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa

from transforms.functional.exports.columns import ExportRows, Files

# From here on Megatron's own tools write int32.
_FIRST_LARGE_VOCABULARY = 65500


def megatron_files(exported: ExportRows) -> Files:
    """Yield `tokens.bin`, in a piece for each table, and `tokens.idx`."""
    is_small = exported.vocab_size < _FIRST_LARGE_VOCABULARY
    dtype = np.dtype("<u2" if is_small else "<i4")
    lengths = [np.zeros(0, np.int32)]
    for table in exported.tables:
        ids, row_lengths = _real_tokens(table)
        lengths.append(row_lengths)
        yield "tokens.bin", ids.astype(dtype).tobytes()
    yield "tokens.idx", _index(np.concatenate(lengths), dtype)


def _real_tokens(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of blocks end to end, and (n_rows,) their lengths, both without padding."""
    ids, mask = (table.column(name).combine_chunks() for name in ("input_ids", "attention_mask"))
    real = mask.flatten().to_numpy(zero_copy_only=False)
    lengths = real.reshape(len(mask), mask.type.list_size).sum(1, dtype=np.int32)
    return ids.flatten().to_numpy()[real], lengths


def _index(lengths: np.ndarray, dtype: np.dtype) -> bytes:
    n = len(lengths)
    begins = (np.cumsum(lengths, dtype=np.int64) - lengths) * dtype.itemsize
    return b"".join(
        [
            b"MMIDIDX\x00\x00",
            struct.pack("<QB", 1, 8 if dtype.itemsize == 2 else 4),
            struct.pack("<QQ", n, n + 1),
            lengths.astype("<i4").tobytes(),
            begins.astype("<i8").tobytes(),
            np.arange(n + 1, dtype="<i8").tobytes(),
        ]
    )
