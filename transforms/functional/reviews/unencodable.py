"""Reviews that the tokenizer's patterns give up on: rejected where they are read.

A pattern of a pre-tokenizer (`\\s*[\\r\\n]+`) may look at a long run of blanks ten million times,
where the library gives up. Later it would be too late: what was read has been counted by then.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from transforms.functional.reviews.cleaning import Cleaning, clean_texts
from transforms.functional.reviews.reviews import RejectedRecord, ReviewChunk, text_lengths
from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.panics import unprinted_panics
from transforms.functional.tokenization.patterns import safe_length


def safe_bytes(encoder: Encoder) -> float:
    """Return up to how many bytes a text can surely be encoded: 0 where nobody knows."""
    return min(map(safe_length, encoder.patterns), default=math.inf)


def reject_unencodable(chunk: ReviewChunk, encoder: Encoder, cleaning: Cleaning) -> ReviewChunk:
    """Return a chunk whose reviews can be encoded; the others are rejected, with the reason.

    Args:
        chunk: Reviews as they were read.
        encoder: The tokenizer.
        cleaning: What will be done to the texts before they are encoded.
    """
    reviews = chunk.reviews
    suspects = np.flatnonzero(text_lengths(reviews) > safe_bytes(encoder))
    if len(suspects) == 0:
        return chunk
    texts = clean_texts(reviews.column("text").take(pa.array(suspects)), cleaning)[-1]
    with unprinted_panics():
        found = [encoder.why_it_gives_up(text) for text in texts.to_pylist()]
    reasons = dict(zip(suspects.tolist(), found, strict=True))
    rejected = [
        RejectedRecord(
            source=reviews.column("source")[row].as_py(),
            record=reviews.column("record")[row].as_py(),
            reason=f"the tokenizer gives up on the text: {reason}",
            raw=reviews.column("text")[row].as_py().encode(),
        )
        for row, reason in reasons.items()
        if reason
    ]
    if not rejected:
        return chunk
    good = np.array([not reasons.get(row) for row in range(reviews.num_rows)])
    in_order = sorted([*chunk.rejected, *rejected], key=lambda item: (item.source, item.record))
    return ReviewChunk(reviews=reviews.filter(pa.array(good)), rejected=tuple(in_order))
