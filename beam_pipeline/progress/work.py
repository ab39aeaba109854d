"""What a job has to do: the bytes that it reads, and the shards that they become."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.progress.expansion import Kind, kind_of
from transforms.functional.reviews.splits import SizedFile, Split


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a job has to do.

    Attributes:
        split_bytes: Bytes of the inputs, as stored, that each split (or bucket) reads.
        split_parts: How many parts its text fills; the last one is seldom full.
        subsets: The folders that a part may have a shard in.
        first: Number of the first split.
        generation: Number of the generation that the job makes.
    """

    split_bytes: Sequence[float]
    split_parts: Sequence[float]
    subsets: Sequence[str]
    first: int = 0
    generation: int = 1

    @property
    def bytes(self) -> float:
        """Bytes of all inputs."""
        return sum(self.split_bytes)

    @property
    def shards(self) -> int:
        """About how many shards there will be."""
        return sum(max(1, math.ceil(parts)) for parts in self.split_parts) * len(self.subsets)

    def bytes_done(self, shards: Mapping[int, int]) -> float:
        """Return the input bytes of finished shards, given their number in each split."""
        done = 0.0
        for split, n_shards in shards.items():
            place = split - self.first
            expected = max(1.0, self.split_parts[place]) * len(self.subsets)
            done += self.split_bytes[place] * min(1.0, n_shards / expected)
        return done

    def has(self, split: int) -> bool:
        """Return True for the number of a split of this job; other generations have others."""
        return 0 <= split - self.first < len(self.split_bytes)


def work_of(
    recipe: DatasetRecipe, plan: Plan, text_per_byte: Mapping[Kind, float] | None = None
) -> Work:
    """Return what there is to do.

    Args:
        text_per_byte: The text in a stored byte of some kinds of files, instead of the guess.
    """
    n_buckets = recipe.n_buckets(plan)
    if n_buckets:
        sizes = [(plan.input_bytes / n_buckets, 1.0)] * n_buckets
    else:
        files = {file.file.source: file for file in plan.sizes}
        sizes = [_size_of(split, files, text_per_byte or {}) for split in plan.splits]
    return Work(
        split_bytes=[stored for stored, _ in sizes],
        split_parts=[text / recipe.config.part_bytes for _, text in sizes],
        subsets=recipe.subsets,
        first=plan.splits.first,
        generation=plan.generation,
    )


def _size_of(
    split: Split, files: Mapping[int, SizedFile], text_per_byte: Mapping[Kind, float]
) -> tuple[float, float]:
    """Return the bytes that a split reads, as stored and of text."""
    stored = text = 0.0
    for part in split.files:
        file = files[part.source]
        part_bytes = file.stored_bytes(part)
        guess = file.text_bytes / max(1, file.bytes)
        ratio = guess if file.groups else text_per_byte.get(kind_of(file), guess)
        stored += part_bytes
        text += ratio * part_bytes
    return stored, text
