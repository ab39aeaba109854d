"""The manifest: what a dataset is, and the only thing that a reader trusts.

It holds no time, host or secret: two runs over the same inputs give the same file. What many runs
append to grows generation by generation: each adds inputs and shards after the existing ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any, Literal

from transforms.functional.dataset.manifest_entries import (
    SUBSETS,
    Generation,
    InputEntry,
    ShardEntry,
    TokenizerEntry,
)
from transforms.functional.dataset.manifest_forms import (
    MANIFEST_NAME as MANIFEST_NAME,
    check_document,
    check_records,
    damaged,
)
from transforms.functional.dataset.manifest_lists import ListFile, read_lists
from transforms.functional.dataset.shards import SHARD_VERSION
from transforms.functional.errors import InputError
from transforms.functional.ledger import Ledger
from transforms.functional.problem_type_names import SINGLE, ProblemType
from transforms.functional.records import Records
from transforms.functional.reviews.bad_files import BadFile
from transforms.functional.safe_paths import check_inside

# 1: all shards of a subset in one folder. 2: a folder for each generation.
FORMAT_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A whole dataset; see docs/format.md for each field.

    Attributes:
        lists: Files with the first entries of `subsets` and `inputs`, where they are too many for
            the manifest itself; by subset, or `inputs`.
        excluded: What each `--exclude` names; the identity is of all files that it stands for.
        quarantined: Inputs that were left out as a whole, for good: a later run that reads such a
            file again has it among its own inputs.
    """

    fingerprint: str
    task: Literal["mlm", "classification"]
    max_length: int
    config: Mapping[str, Any]
    tokenizer: TokenizerEntry
    label_numbers: Mapping[str, int] | None
    subsets: Mapping[str, Records[ShardEntry]]
    ledger: Ledger
    inputs: Records[InputEntry]
    generations: Sequence[Generation]
    lists: Mapping[str, Sequence[ListFile]] = field(default_factory=dict)
    excluded: Sequence[InputEntry] = ()
    quarantined: Sequence[BadFile] = ()
    format_version: int = FORMAT_VERSION

    @property
    def generation(self) -> int:
        """Number of the newest generation, 0 where there is none."""
        return self.generations[-1].number if self.generations else 0

    def content_sha256(self) -> str:
        """Return the hash of all content: of the shards' content hashes, in order."""
        digest = hashlib.sha256()
        for subset in SUBSETS:
            if subset in self.subsets:
                for content in self.subsets[subset].column("content_sha256").to_pylist():
                    digest.update(f"{subset}:{content}\n".encode())
        return digest.hexdigest()

    def shards(self) -> Iterator[ShardEntry]:
        """Return the shards of all subsets."""
        return chain.from_iterable(self.subsets.values())

    def shard_paths(self) -> list[str]:
        """Return the paths of the shards of all subsets."""
        columns = (subset.column("path") for subset in self.subsets.values())
        return [path for column in columns for path in column.to_pylist()]

    @property
    def has_review_starts(self) -> bool:
        """True where the shards say where reviews begin in each block."""
        return bool(self.config.get("review_starts")) or self.is_best_fit

    @property
    def is_best_fit(self) -> bool:
        """True where blocks hold whole reviews, which need not follow each other in the input."""
        return self.config.get("packing") == "best_fit"

    @property
    def problem_type(self) -> ProblemType | None:
        """What a label is; None where rows have no labels of reviews."""
        if self.task != "classification":
            return None
        found: ProblemType = self.config.get("problem_type", SINGLE)
        return found

    def rows(self, subset: str) -> int:
        """Return the number of rows in a subset."""
        return self.subsets[subset].total("rows") if subset in self.subsets else 0

    def tokens(self, subset: str) -> int:
        """Return the number of real tokens in a subset."""
        return self.subsets[subset].total("tokens") if subset in self.subsets else 0

    def good_inputs(self) -> Iterator[InputEntry]:
        """Yield the inputs whose reviews the dataset holds: those not left out."""
        left_out = {file.source for file in self.quarantined}
        yield from (entry for source, entry in enumerate(self.inputs) if source not in left_out)

    def n_splits(self) -> int:
        """Return how many split numbers the generations have taken."""
        return sum(generation.splits for generation in self.generations)

    def dumps(self) -> str:
        """Return the manifest as JSON text, the same for the same dataset."""
        splits = {
            subset: {
                "rows": self.rows(subset),
                "tokens": self.tokens(subset),
                "shards": self.inline(subset, shards).to_dicts(),
            }
            for subset, shards in self.subsets.items()
        }
        quarantined = [
            {"path": self.inputs[file.source].path, **asdict(file)} for file in self.quarantined
        ]
        document = {
            "format_version": self.format_version,
            "generation": self.generation,
            "fingerprint": self.fingerprint,
            "content_sha256": self.content_sha256(),
            "task": self.task,
            "max_length": self.max_length,
            "config": dict(self.config),
            "tokenizer": asdict(self.tokenizer),
            "label_numbers": None if self.label_numbers is None else dict(self.label_numbers),
            "splits": splits,
            "ledger": self.ledger.to_json(),
            "inputs": self.inline("inputs", self.inputs).to_dicts(),
            "excluded": [asdict(entry) for entry in self.excluded],
            # Most datasets lack it.
            **({"quarantined": quarantined} if quarantined else {}),
            "generations": self._generations_json(),
            "lists": {name: [asdict(file) for file in files] for name, files in self.lists.items()},
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    def _generations_json(self) -> list[dict[str, int]]:
        """Return the generations as JSON; in version 1 their places are their numbers."""
        entries = [
            {name: value for name, value in asdict(generation).items() if value is not None}
            for generation in self.generations
        ]
        if self.format_version == 1:
            return [{"inputs": entry["inputs"], "splits": entry["splits"]} for entry in entries]
        return entries

    def inline(self, name: str, records: Records[Any]) -> Records[Any]:
        """Return the entries in the manifest itself, which follow those in `lists`."""
        return records[sum(file.rows for file in self.lists.get(name, ())) :]

    @classmethod
    def loads(
        cls, text: str | bytes, read: Callable[[str], bytes], where: str = MANIFEST_NAME
    ) -> Manifest:
        """Return the manifest in JSON text.

        Args:
            text: The JSON text.
            read: Gives the bytes of a file below the dataset; for the files of `lists`.
            where: The manifest's file, for messages.

        Raises:
            InputError: it is no (whole) manifest, one of a newer format, or holds a field of
                another form than readers need.
        """
        try:
            data = json.loads(text)
            version = int(data["format_version"])
            if version <= FORMAT_VERSION:
                check_document(data, SUBSETS, where)
            manifest = cls._of(data, read, where) if version <= FORMAT_VERSION else None
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise damaged(where, "it holds no manifest") from None
        if manifest is None:
            raise InputError(
                f"the dataset has format version {version}, newer than the {FORMAT_VERSION} that "
                f"this program reads: install a newer release of review-shards"
            )
        for subset, shards in manifest.subsets.items():
            check_records(shards, f"shard of {subset}", where)
        check_records(manifest.inputs, "input", where)
        check_inside(manifest.shard_paths(), where)
        return manifest

    @classmethod
    def _of(cls, data: Mapping[str, Any], read: Callable[[str], bytes], where: str) -> Manifest:
        lists = {
            name: tuple(ListFile(**file) for file in files) for name, files in data["lists"].items()
        }

        def records_of(kind: type, name: str, inline: Sequence[Mapping[str, Any]]) -> Records[Any]:
            listed = read_lists(kind, lists.get(name, ()), read, where)
            return listed + Records.from_dicts(kind, inline)

        return cls(
            fingerprint=data["fingerprint"],
            task=data["task"],
            max_length=data["max_length"],
            config=data["config"],
            tokenizer=TokenizerEntry(**data["tokenizer"]),
            label_numbers=data["label_numbers"],
            subsets={
                subset: records_of(ShardEntry, subset, split["shards"])
                for subset, split in data["splits"].items()
            },
            ledger=Ledger.from_json(data["ledger"]),
            inputs=records_of(InputEntry, "inputs", data["inputs"]),
            generations=tuple(
                Generation(**{"number": place, **generation})
                for place, generation in enumerate(data["generations"], start=1)
            ),
            lists=lists,
            excluded=tuple(InputEntry(**entry) for entry in data.get("excluded", ())),
            quarantined=tuple(
                BadFile(**{name: value for name, value in file.items() if name != "path"})
                for file in data.get("quarantined", ())
            ),
            format_version=data["format_version"],
        )


def generation_folder(parent: str, generation: int) -> str:
    """Return the folder, below the output, for what one generation puts into another folder."""
    return f"{parent}/{generation:06d}"


def fingerprint_of(options: Mapping[str, Any], tokenizer_files: Mapping[str, bytes]) -> str:
    """Return the hash of everything but the inputs that decides the bytes of shards.

    Args:
        options: The options that do.
        tokenizer_files: `tokenizer.json`, and the files beside it that name padding and mask.
    """
    document = {
        "format_version": SHARD_VERSION,
        "options": dict(options),
        "tokenizer_sha256": {
            name: hashlib.sha256(data).hexdigest() for name, data in tokenizer_files.items()
        },
    }
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
