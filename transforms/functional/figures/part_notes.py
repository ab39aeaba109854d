"""What was counted of one part, as a file: an attempt that keeps its shard need not count again."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np

from transforms.functional.figures.review_statistics import ReviewStatistics


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
        """Return the note as bytes: only of the ids and lengths that there are, compressed."""
        counted = self.statistics
        ids, lengths = np.flatnonzero(counted.token_counts), np.flatnonzero(counted.length_counts)
        labels, hashes = counted.label_counts, counted.text_hashes
        plain = {
            "digest": self.digest,
            "fingerprint": self.fingerprint,
            "run": self.run,
            "vocab_size": len(counted.token_counts),
            "n_lengths": len(counted.length_counts),
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
            ids=ids,
            id_counts=counted.token_counts[ids],
            lengths=lengths,
            length_counts=counted.length_counts[lengths],
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
            token_counts = np.zeros(plain["vocab_size"], np.int64)
            token_counts[found["ids"]] = found["id_counts"]
            length_counts = np.zeros(plain["n_lengths"], np.int64)
            length_counts[found["lengths"]] = found["length_counts"]
            statistics = ReviewStatistics(
                token_counts=token_counts,
                length_counts=length_counts,
                longest=plain["longest"],
                words=plain["words"],
                text_bytes=plain["text_bytes"],
                label_counts=None if plain["labels"] is None else dict(plain["labels"]),
                text_hashes=(found["hashes"],) if plain["is_hashed"] else None,
                unknown_words=dict(plain["unknown"]),
            )
            of = {name: plain[name] for name in ("digest", "fingerprint", "run")}
            return cls(**of, statistics=statistics)
        except (
            *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError),
            *(zipfile.BadZipFile, zlib.error, RuntimeError),
        ):
            return None
