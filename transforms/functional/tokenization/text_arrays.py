"""Texts as Arrow arrays: one type for the tokenizing modules, and their buffers as numpy views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.tokenization.tokens import Int64Array

UInt8Array = npt.NDArray[np.uint8]

_STRING_TYPES = (pa.string(), pa.large_string())
_BINARY_TYPES = (pa.binary(), pa.large_binary())


def as_large_string(texts: pa.Array | Sequence[str]) -> pa.LargeStringArray:
    """Return ``texts`` as a ``large_string`` array; no copy of a string array's text.

    Raises:
        TypeError: an Arrow array of another type than string or binary (or their large kin).
        ValueError: a null, or bytes that are not UTF-8.
    """
    if not isinstance(texts, pa.Array):
        texts = pa.array(texts, pa.large_string())
    if texts.null_count:
        raise ValueError(
            f"texts hold {texts.null_count} nulls, which have no tokens; "
            "reject records without text when reading"
        )
    if texts.type in _BINARY_TYPES or texts.type in _STRING_TYPES:
        try:
            return texts.cast(pa.large_string())
        except pa.ArrowInvalid as error:
            raise ValueError(
                f"texts are not UTF-8 ({error}); reject such records when reading"
            ) from None
    raise TypeError(f"texts must be string or binary (or their large kin), got {texts.type}")


def text_buffers(texts: pa.LargeStringArray) -> tuple[UInt8Array, Int64Array]:
    """Return the bytes and offsets of a ``large_string`` array, as views of its buffers.

    Returns:
        ``(values, offsets)``: (n_bytes,) uint8, and (n_texts + 1,) int64 positions in it. An
        array sliced from a larger one keeps its place: ``offsets[0]`` need not be 0.
    """
    _, offsets_buffer, values_buffer = texts.buffers()
    if offsets_buffer is None or offsets_buffer.size == 0:
        offsets = np.zeros(1, np.int64)
    else:
        offsets = np.frombuffer(offsets_buffer, np.int64)
        offsets = offsets[texts.offset : texts.offset + len(texts) + 1]
    if values_buffer is None or values_buffer.size == 0:
        return np.empty(0, np.uint8), offsets
    return np.frombuffer(values_buffer, np.uint8), offsets


def batches_of(texts: pa.LargeStringArray, batch_bytes: int) -> Iterator[pa.LargeStringArray]:
    """Yield consecutive slices of at most ``batch_bytes`` of text, or of one longer text."""
    _, offsets = text_buffers(texts)
    start = 0
    while start < len(texts):
        limit = offsets[start] + batch_bytes
        stop = int(np.searchsorted(offsets, limit, side="right")) - 1
        # A million empty texts weigh nothing: bound their number as well.
        stop = min(max(stop, start + 1), start + batch_bytes // 16 + 1)
        yield texts.slice(start, stop - start)
        start = stop


def prefix_texts(texts: pa.LargeStringArray, prefix: str) -> pa.LargeStringArray:
    """Return ``texts`` with ``prefix`` before each that is not empty and does not start with it."""
    bare = pc.and_(pc.invert(pc.starts_with(texts, prefix)), pc.greater(pc.binary_length(texts), 0))
    heads = pc.if_else(bare, pa.scalar(prefix, pa.large_string()), pa.scalar("", pa.large_string()))
    return pc.binary_join_element_wise(heads, texts, pa.scalar("", pa.large_string()))


def ragged_positions(starts: Int64Array, lengths: Int64Array) -> Int64Array:
    """Return the positions ``start, start + 1, ...`` of each run, one run after the other.

    ``ragged_positions([7, 2], [2, 3]) == [7, 8, 2, 3, 4]``.
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    positions: Int64Array = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return positions


def binary_buffers(pieces: pa.LargeBinaryArray) -> tuple[UInt8Array, Int64Array]:
    """Return the bytes and offsets of ``pieces``, from 0 and without what lies around them."""
    _, offsets_buffer, data_buffer = pieces.buffers()
    if len(pieces) == 0 or data_buffer is None:
        return np.empty(0, np.uint8), np.zeros(len(pieces) + 1, np.int64)
    offsets = np.frombuffer(offsets_buffer, np.int64)[pieces.offset :][: len(pieces) + 1]
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    return data, offsets - offsets[0]
