"""What was counted of one part, as a file: an attempt that keeps its shard need not count again."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import numpy as np

from transforms.functional.figures.review_statistics import ReviewStatistics
from transforms.functional.unpacking.damage import DAMAGE


@dataclass(frozen=True, kw_only=True, eq=False)
class PartNote:
    """The statistics of a part, and what they are of.

    Attributes:
        digest: The digest of the part.
        fingerprint: The fingerprint of the job.
        run: What tells the run that counted from any other one.
        statistics: What was counted.
    """

    digest: str
    fingerprint: str
    run: str
    statistics: ReviewStatistics

    def dumps(self) -> bytes:
        """Return the note as bytes, compressed."""
        counted = self.statistics
        labels, hashes = counted.label_counts, counted.text_hashes
        plain = {
            "digest": self.digest,
            "fingerprint": self.fingerprint,
            "run": self.run,
            "longest": counted.longest,
            "words": counted.words,
            "text_bytes": counted.text_bytes,
            "labels": None if labels is None else list(labels.items()),
            "unknown": list(counted.unknown_words.items()),
            "is_hashed": hashes is not None,
        }
        out = io.BytesIO()
        np.savez_compressed(
            out,
            plain=np.frombuffer(json.dumps(plain).encode(), np.uint8),
            token_counts=counted.token_counts,
            length_counts=counted.length_counts,
            hashes=np.concatenate([np.empty(0, np.uint64), *(hashes or ())]),
        )
        return out.getvalue()

    @classmethod
    def loads(cls, data: bytes) -> PartNote | None:
        """Return the note in some bytes; None where they are damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
            plain = json.loads(found["plain"].tobytes())
            statistics = ReviewStatistics(
                token_counts=found["token_counts"],
                length_counts=found["length_counts"],
                longest=plain["longest"],
                words=plain["words"],
                text_bytes=plain["text_bytes"],
                label_counts=None if plain["labels"] is None else dict(plain["labels"]),
                text_hashes=(found["hashes"],) if plain["is_hashed"] else None,
                unknown_words=dict(plain["unknown"]),
            )
            of = {name: plain[name] for name in ("digest", "fingerprint", "run")}
            return cls(**of, statistics=statistics)
        except (*DAMAGE, ValueError, KeyError, IndexError, TypeError, RuntimeError):
            return None
