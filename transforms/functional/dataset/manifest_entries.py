"""What a manifest lists: shards, inputs, the tokenizer, generations."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from transforms.functional.dataset.shards import ShardFormat, format_of

SUBSETS = ("train", "validation")

Subset = Literal["train", "validation"]


@dataclass(frozen=True, kw_only=True)
class ShardEntry:
    """One shard file.

    Attributes:
        path: Path below the output.
        split: Number of the split (or bucket) that it was made of; with `part` and the subset it
            is the shard's identity, which the masks are keyed by.
        part: Number of the part in that split.
        rows: Number of rows.
        tokens: Number of real tokens.
        reviews: Number of reviews that it was made of.
        bytes: Size of the file.
        sha256: Hash of the file.
        content_sha256: Hash of the column values.
    """

    path: str
    split: int
    part: int
    rows: int
    tokens: int
    reviews: int
    bytes: int
    sha256: str
    content_sha256: str

    @property
    def format(self) -> ShardFormat:
        """How the file is stored, which its ending says."""
        return format_of(self.path)


@dataclass(frozen=True, kw_only=True)
class InputEntry:
    """One input file: its path, size, and what tells one version of it from the next."""

    path: str
    bytes: int
    identity: str


@dataclass(frozen=True, kw_only=True)
class TokenizerEntry:
    """The tokenizer that made the ids.

    Attributes:
        path: Path of the copy of `tokenizer.json`, below the output.
        sha256: Hash of that file.
        vocab_size: Number of ids, added tokens included.
        special_token_ids: Ids of special tokens by role: `cls`, `sep`, `pad`, `mask`, `unk`, ...
        prefix: Ids that the template puts before each sequence.
        suffix: Ids that it puts after it.
        built_by: The library and class that wrote the file (`transformers 5.23.0 T5Tokenizer`);
            None where it is the file that `--tokenizer` named, as it lay.
    """

    path: str
    sha256: str
    vocab_size: int
    special_token_ids: Mapping[str, int]
    prefix: Sequence[int]
    suffix: Sequence[int]
    built_by: str | None = None

    @property
    def folder(self) -> str:
        """Path of the folder, below the output, that holds the copy and its companions."""
        return posixpath.dirname(self.path)

    def template_ids(self) -> tuple[int, ...]:
        """Return the ids that can belong to no word: the template's and padding."""
        pad = self.special_token_ids.get("pad")
        return tuple(sorted({*self.prefix, *self.suffix, *([] if pad is None else [pad])}))

    def unmaskable_ids(self, special_ids: Iterable[int]) -> tuple[int, ...]:
        """Return the ids that masks never choose: of special tokens, roles and the template.

        Most templates are of special tokens anyway, but none has to be.

        Args:
            special_ids: Ids of the added tokens that `tokenizer.json` calls special.
        """
        roles = self.special_token_ids.values()
        return tuple(sorted({*special_ids, *roles, *self.prefix, *self.suffix}))


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What one run added.

    Attributes:
        number: Its number, which names its folders and its manifest; no other one of the output
            ever has it, so numbers are missing where a dataset was replaced.
        inputs: Number of input files.
        splits: How many numbers its splits (and buckets) took; the next run takes those after them.
        classes: How many classes `--label_names` named then; None for as many as in `config`.
    """

    number: int
    inputs: int
    splits: int
    classes: int | None = None
