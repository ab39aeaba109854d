"""Rejected records, counted by reason and by file; files with too many are left out as a whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from transforms.functional.reviews.reviews import RejectedRecord, ReviewChunk
from transforms.functional.reviews.splits import Split

MAX_REASONS = 20
OTHER_REASONS = "other reasons"

_MAX_LENGTH = 120
# What differs between two records that were rejected for the same reason.
_VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|(?<![\w-])\d(?:[\d,.]*\d|x[\da-f]+)?")


@dataclass(frozen=True, kw_only=True)
class FileCounts:
    """What was read of (a part of) an input file.

    Attributes:
        records: Records, good or bad.
        rejected: The bad ones.
        reasons: These by kind of reason, the most frequent first.
    """

    records: int
    rejected: int
    reasons: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class BadFile:
    """A file that was left out as a whole.

    Attributes:
        source: Index of the file among the dataset's inputs.
        records: Its records, good or bad.
        rejected: The bad ones, a larger share than the job allows.
        reason: The most frequent reason.
    """

    source: int
    records: int
    rejected: int
    reason: str

    def is_above(self, max_rejected_fraction: float) -> bool:
        """Return True where a larger share is rejected."""
        return self.rejected > max_rejected_fraction * self.records


def count_reasons(reasons: Iterable[str]) -> dict[str, int]:
    """Return how many records were rejected for each kind of reason, at most `MAX_REASONS`.

    Values in quotes and numbers are left out of a reason: `label 'x'` and `label 'y'` are one.
    """
    kinds = Counter(
        _VARIABLE.sub("\N{HORIZONTAL ELLIPSIS}", reason)[:_MAX_LENGTH] for reason in reasons
    )
    return merge_reasons([kinds])


def merge_reasons(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums, the most frequent first; those beyond `MAX_REASONS` are one."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    others = total.pop(OTHER_REASONS, 0)
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    others += sum(n for _, n in ordered[MAX_REASONS:])
    return {**dict(ordered[:MAX_REASONS]), **({OTHER_REASONS: others} if others else {})}


def count_by_file(rejected: Iterable[RejectedRecord]) -> dict[int, int]:
    """Return how many of the rejected records each input file holds, by its index."""
    return dict(sorted(Counter(item.source for item in rejected).items()))


def count_files(chunks: Iterable[ReviewChunk]) -> Iterator[tuple[int, FileCounts]]:
    """Yield `(source, counts)` for the files of some chunks, which are in the order of files."""
    for chunk in chunks:
        sources, n_good = np.unique(chunk.reviews.column("source").to_numpy(), return_counts=True)
        good = dict(zip(sources.tolist(), n_good.tolist(), strict=True))
        bad = count_by_file(chunk.rejected)
        for source in sorted(good.keys() | bad.keys()):
            n_bad = bad.get(source, 0)
            reasons = count_reasons(item.reason for item in chunk.rejected if item.source == source)
            n = good.get(source, 0) + n_bad
            yield source, FileCounts(records=n, rejected=n_bad, reasons=tuple(reasons.items()))


def sum_counts(counts: Iterable[FileCounts]) -> FileCounts:
    """Return the counts of a whole file; its parts may come in any order."""
    parts = list(counts)
    reasons = merge_reasons(dict(part.reasons) for part in parts)
    return FileCounts(
        records=sum(part.records for part in parts),
        rejected=sum(part.rejected for part in parts),
        reasons=tuple(reasons.items()),
    )


def bad_file(source: int, counts: FileCounts, max_rejected_fraction: float) -> BadFile | None:
    """Return the file where more than the share allowed is rejected, None where it is good."""
    reason = counts.reasons[0][0] if counts.reasons else ""
    file = BadFile(source=source, records=counts.records, rejected=counts.rejected, reason=reason)
    return file if file.is_above(max_rejected_fraction) else None


def leave_out(split: Split, sources: Collection[int]) -> Split:
    """Return a split without some files; it keeps its number, also where no file is left."""
    return replace(split, files=tuple(file for file in split.files if file.source not in sources))
