"""Known words as bytes, so that another process need not learn them: only ever a speed-up.

Words of ASCII letters alone are kept, with or without a space before: they are nine tenths of
what a cache learns, and no number or address of the reviews is among them.
"""

from __future__ import annotations

import string

import numpy as np
import pyarrow as pa

from transforms.functional.tokenization.pieces.cut_tables import byte_flags
from transforms.functional.tokenization.pieces.piece_cache import PieceCache, PieceTokens
from transforms.functional.tokenization.text_arrays import binary_buffers

MAX_WORDS = 250_000
MAX_WORD_BYTES = 32

_LETTERS = byte_flags(string.ascii_letters.encode())


def dump_words(cache: PieceCache) -> bytes:
    """Return the first words that a cache has learnt, as Arrow writes them."""
    pieces, tokens = cache.content()
    rows = _words(pieces)[:MAX_WORDS]
    kept = tokens.take(rows)
    batch = pa.record_batch(
        {
            "piece": pieces.take(pa.array(rows)),
            "tokens": pa.LargeListArray.from_arrays(kept.offsets, pa.array(kept.packed)),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def add_words(cache: PieceCache, data: bytes) -> None:
    """Add what `dump_words` returned to a cache."""
    batch = pa.ipc.open_stream(data).read_next_batch()
    tokens = batch.column("tokens")
    packed = PieceTokens(tokens.values.to_numpy(), tokens.offsets.to_numpy())
    cache.add(batch.column("piece"), packed)


def _words(pieces: pa.LargeBinaryArray) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the rows of the pieces that are words of letters."""
    data, offsets = binary_buffers(pieces)
    if len(data) == 0:
        return np.empty(0, np.intp)
    lengths = np.diff(offsets)
    letters = np.frombuffer(data.tobytes().translate(_LETTERS), np.bool_)
    n_letters = np.add.reduceat(letters, offsets[:-1], dtype=np.int64)
    spaced = data[offsets[:-1]] == ord(" ")
    is_word = (n_letters == lengths - spaced) & (n_letters > 0) & (lengths <= MAX_WORD_BYTES)
    return np.flatnonzero(is_word)
