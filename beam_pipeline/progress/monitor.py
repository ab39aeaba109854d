"""How far a job is: the finished shards in its output against the plan, on every engine.

Shards of an earlier, interrupted run lie there from the start. They count as done, and as its own:
the job keeps them when it has read the same reviews again, which takes it little time. Its speed
is that of the new ones.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.progress.work import Work, text_per_byte, work_of
from transforms import storage
from transforms.functional.dataset.manifest import generation_folder
from transforms.functional.dataset.receipts import COUNTS, FINGERPRINT
from transforms.rejecting import REJECTED_FOLDER
from transforms.storage.stores import ask

FILES_READ_PER_LOOK = 2

_SHARD = re.compile(r"\d{7}-\d{4,}\.(?:arrow|parquet)")
_REJECTED = re.compile(r"\d{7}-\d{4,}\.jsonl")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a job is.

    Attributes:
        work: What there is to do.
        bytes_done: Input bytes that the shards that are there were made of.
        bytes_new: Of these, the ones that this run made.
        shards: Shards that are there.
        kept: Of these, the ones that an earlier run left.
        tokens: Tokens in the new ones.
        rejected: Rejected records.
        seconds: How long the run has been going.
    """

    work: Work
    bytes_done: float
    bytes_new: float
    shards: int
    kept: int
    tokens: int
    rejected: int
    seconds: float

    @property
    def fraction(self) -> float:
        """Share of the input bytes that is done."""
        return self.bytes_done / self.work.bytes if self.work.bytes else 1.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at the speed so far; None before anything is new."""
        if not self.bytes_new:
            return None
        return self.seconds * (self.work.bytes - self.bytes_done) / self.bytes_new

    def figures(self) -> list[str]:
        """Return the figures that people want, each with its unit."""
        shards = f"{self.shards:,} of ~{max(self.shards, self.work.shards):,} shards"
        if self.kept:
            shards += f" ({self.kept:,} kept)"
        left = self.seconds_left
        unit, name = (1e6, "MB") if self.work.bytes >= 10e6 else (1e3, "kB")
        done, all_bytes = self.bytes_done / unit, self.work.bytes / unit
        return [
            f"{done:,.0f} of {all_bytes:,.0f} {name}",
            *([_speed(self.tokens / self.seconds)] if self.tokens and self.seconds else []),
            shards,
            f"{self.rejected:,} rejected",
            "time left unknown" if left is None else f"{timedelta(seconds=round(left))} left",
        ]


def _speed(tokens_per_second: float) -> str:
    if tokens_per_second < 1e6:
        return f"{tokens_per_second / 1e3:,.0f} ktok/s"
    return f"{tokens_per_second / 1e6:,.1f} Mtok/s"


def output_monitor(recipe: DatasetRecipe, plan: Plan) -> OutputMonitor:
    """Return the monitor of a job that is about to start."""

    def measure() -> Work:
        return work_of(recipe, plan, text_per_byte(recipe.config, plan))

    return OutputMonitor(recipe.config.output, work_of(recipe, plan), recipe.fingerprint, measure)


class OutputMonitor:
    """Looks at an output now and then.

    A look lists it, and reads a few files: what the others hold is taken from their size.

    Args:
        fingerprint: The fingerprint of the job, by which it knows shards that it may keep.
        measure: Returns the work as it is rather than as the plan guesses it. It reads inputs, so
            it is called at the first look, when the job runs already.
    """

    def __init__(
        self,
        output: str,
        work: Work,
        fingerprint: str,
        measure: Callable[[], Work] | None = None,
    ) -> None:
        """See what lies there before the job starts."""
        self._output = output
        self._work = work
        self._measure = measure
        self._started = time.monotonic()
        self._tokens = _Tally(lambda path: _counts_of(path)[1])
        self._rejected = _Tally(lambda path: storage.read_bytes(path).count(b"\n"))
        self._before = self._shards()
        some = list(self._before)[:FILES_READ_PER_LOOK]
        self._may_keep = all(_counts_of(path)[0] == fingerprint for path in some)

    def look(self) -> Progress:
        """Return how far the job is now."""
        if self._measure is not None:
            self._work, self._measure = self._measure(), None
        there = self._shards()
        kept = {path: file for path, file in there.items() if self._before.get(path) == file}
        new = {path: size for path, (size, _) in there.items() if path not in kept}
        if not self._may_keep:
            kept = {}
        bytes_new = self._work.bytes_done(Counter(map(_split_of, new)))
        return Progress(
            work=self._work,
            bytes_done=self._work.bytes_done(Counter(map(_split_of, [*kept, *new]))),
            bytes_new=bytes_new,
            shards=len(kept) + len(new),
            kept=len(kept),
            tokens=self._tokens.count(new),
            rejected=self._rejected.count(
                {path: size for path, (size, _) in self._list(REJECTED_FOLDER, _REJECTED).items()}
            ),
            seconds=time.monotonic() - self._started,
        )

    def _shards(self) -> dict[str, tuple[int, str]]:
        found: dict[str, tuple[int, str]] = {}
        for subset in self._work.subsets:
            found |= self._list(subset, _SHARD)
        return {path: file for path, file in found.items() if self._work.has(_split_of(path))}

    def _list(self, folder: str, pattern: re.Pattern[str]) -> dict[str, tuple[int, str]]:
        """Return size and version of the generation's files in a folder, by their paths."""
        path = storage.join(self._output, generation_folder(folder, self._work.generation))
        filesystem, name = storage.locate(path)
        try:
            listed = ask(filesystem, "ls", name, detail=True)
        except FileNotFoundError:
            return {}
        found = {}
        for info in listed:
            file = info["name"].rpartition("/")[2]
            if pattern.fullmatch(file):
                size = int(info["size"] or 0)
                found[storage.join(path, file)] = size, storage.identity_of(info)
        return found


class _Tally:
    """A count over many files, of which only a few are read."""

    def __init__(self, count_in: Callable[[str], int]) -> None:
        self._count_in = count_in
        self._read: dict[str, int] = {}

    def count(self, files: Mapping[str, int]) -> int:
        """Return about how much is in files, given by path and size."""
        unread = [path for path in files if path not in self._read]
        for path in unread[:FILES_READ_PER_LOOK]:
            self._read[path] = self._count_in(path)
        read_bytes = sum(files.get(path, 0) for path in self._read)
        counted = sum(self._read.values())
        return round(counted * sum(files.values()) / read_bytes) if read_bytes else 0


def _split_of(path: str) -> int:
    return int(path.rpartition("/")[2].partition("-")[0])


def _counts_of(path: str) -> tuple[str, int]:
    """Return the fingerprint in a shard, and its number of tokens; of the file, only its end."""
    try:
        with storage.open_input(path, ahead=False) as stream:
            parquet = path.endswith(".parquet")
            schema = pq.read_schema(stream) if parquet else pa.ipc.open_file(stream).schema
        metadata = schema.metadata or {}
        tokens = json.loads(metadata[COUNTS.encode()])["tokens"]
        return metadata[FINGERPRINT.encode()].decode(), int(tokens["written"])
    except (KeyError, ValueError, TypeError, OSError):  # Damaged; Arrow's errors are among them.
        return "", 0
