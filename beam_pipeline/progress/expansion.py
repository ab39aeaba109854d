"""How much text a stored byte holds, by a look into a few inputs of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from beam_pipeline.dry_run.sampling import RUN_BYTES, read_some
from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.input_file import InputFile
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.splitting import sized_files
from transforms.functional.errors import ReviewShardsError
from transforms.functional.reviews.reviews import text_lengths
from transforms.functional.reviews.splits import SizedFile
from transforms.functional.unpacking.archive_paths import split_member
from transforms.storage.input_files import open_file

Kind = tuple[str, str | None]  # Format and compression.

FILES_OF_A_KIND = 3
TEXT_READ = 1 << 20  # Of each.


def kind_of(size: SizedFile) -> Kind:
    """Return what files that hold about as much text in a byte have in common."""
    return size.file.format, size.file.compression


def text_per_byte(config: JobConfig, plan: Plan) -> Mapping[Kind, float]:
    """Look into a few files of each kind whose text is only guessed.

    Files that cannot be read are left out: the job itself says what is wrong with them.
    """
    guessed: dict[Kind, list[tuple[SizedFile, InputFile]]] = {}
    for size, file in zip(plan.sizes, plan.files, strict=True):
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
