"""What a job has to do: the bytes that it reads, and the shards that they become.

How much text a stored byte holds is told by a look into a few inputs of each kind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from beam_pipeline.dry_run.sampling import RUN_BYTES, read_some
from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.input_files import InputFile, sized_files
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from transforms.functional.errors import ReviewShardsError
from transforms.functional.reviews.reviews import text_lengths
from transforms.functional.reviews.splits import SizedFile, Split
from transforms.functional.unpacking.archive_paths import split_member
from transforms.storage.input_files import open_file

Kind = tuple[str, str | None]  # Format and compression.

FILES_OF_A_KIND = 3
TEXT_READ = 1 << 20  # Of each.


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
        files = {file.file.source: file for file in plan.splits.sizes}
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


def kind_of(size: SizedFile) -> Kind:
    """Return what files that hold about as much text in a byte have in common."""
    return size.file.format, size.file.compression


def text_per_byte(config: JobConfig, plan: Plan) -> Mapping[Kind, float]:
    """Look into a few files of each kind whose text is only guessed.

    Files that cannot be read are left out: the job itself says what is wrong with them.
    """
    guessed: dict[Kind, list[tuple[SizedFile, InputFile]]] = {}
    for size, file in zip(plan.splits.sizes, plan.files, strict=True):
        # In an archive, sizes are known; to get there would be a walk through it.
        if not size.groups and split_member(file.path) is None:
            guessed.setdefault(kind_of(size), []).append((size, file))
    found = {}
    for kind, files in guessed.items():
        text = stored = 0.0
        for size, file in files[:: -(-len(files) // FILES_OF_A_KIND)]:
            with suppress(ReviewShardsError, OSError):
                bytes_of_text, bytes_read = _look(config, size, file)
                text, stored = text + bytes_of_text, stored + bytes_read
        if text and stored:
            found[kind] = text / stored
    return found


def _look(config: JobConfig, size: SizedFile, file: InputFile) -> tuple[float, float]:
    """Return the bytes of text in some stored bytes of a file, and how many these are."""
    (fine,) = sized_files(replace(config, part_bytes=RUN_BYTES), [size.file], [file])
    if fine.groups:  # Its index says it.
        return fine.text_bytes, fine.bytes
    with open_file(fine.file) as stream:
        run, _ = read_some(config, fine, fine.file, stream, TEXT_READ)
    return float(text_lengths(run.reviews).sum()), run.stored_bytes
