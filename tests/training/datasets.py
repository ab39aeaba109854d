"""Small datasets of the sample reviews, made by the pure functions of the job: no Beam."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from tests.paths import ROOT
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import (
    SUBSETS,
    Generation,
    InputEntry,
    ShardEntry,
    TokenizerEntry,
)
from transforms.functional.dataset.shards import content_sha256, rows_table, shard_bytes
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.records import Records
from transforms.functional.rows.best_fit import BestFitLayout, fit_reviews
from transforms.functional.rows.layout import Template
from transforms.functional.rows.masking import MaskRecipe, mask_rows
from transforms.functional.rows.packing import BlockLayout, pack_blocks
from transforms.functional.rows.padding import RowLayout, pad_reviews
from transforms.functional.rows.rows import Rows
from transforms.functional.tokenization.tokens import Tokens

SAMPLE = ROOT / "tests" / "sample"
TEMPLATE = Template(prefix=(2,), suffix=(3,))
ROLES = {"cls": 2, "mask": 4, "pad": 0, "sep": 3, "unk": 1}
VOCAB_SIZE = 4000
RECIPE = MaskRecipe(mask_id=4, vocab_size=VOCAB_SIZE, special_ids=(0, 1, 2, 3, 4), seed=7)

COMPANIONS = ("tokenizer_config.json", "special_tokens_map.json")


def sample_reviews() -> list[tuple[str, int]]:
    """Return the sample's reviews that are UTF-8, each with its label (1 = positive)."""
    reviews = []
    for line in (SAMPLE / "reviews.jsonl").read_bytes().splitlines():
        try:
            review = json.loads(line.decode())
        except ValueError:
            continue
        reviews.append((review["text"], int(review["label"] == "pos")))
    return reviews


def encode(texts: Sequence[str], tokenizer: Path = SAMPLE / "tokenizer") -> Tokens:
    """Return the texts' ids without special tokens."""
    library = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    library.no_truncation()
    library.no_padding()
    ids, starts, offsets = [], [], [0]
    for encoding in library.encode_batch(list(texts), add_special_tokens=False):
        words = encoding.word_ids
        ids += encoding.ids
        starts += [place == 0 or words[place] != words[place - 1] for place in range(len(words))]
        offsets.append(len(ids))
    return Tokens(np.array(ids, np.uint32), np.array(starts, bool), np.array(offsets, np.int64))


def write_mlm(
    folder: Path,
    *,
    length: int = 32,
    shards: int = 5,
    validation_shards: int = 0,
    static: MaskRecipe | None = None,
    reviews: Sequence[tuple[str, int]] | None = None,
    best_fit: bool = False,
    **changes: Any,
) -> Path:
    """Write blocks of the sample reviews; the last shards of them are for validation.

    With `review_starts=True` among the changes of the config, or best fit, they know their reviews.
    """
    reviews = sample_reviews() if reviews is None else reviews
    parts = np.array_split(np.arange(len(reviews)), shards + validation_shards)
    written: dict[str, list[ShardEntry]] = {"train": [], "validation": []}
    for number, part in enumerate(parts):
        subset = "train" if number < shards else "validation"
        tokens = encode([reviews[i][0] for i in part])
        if best_fit:
            layout = BestFitLayout(max_length=length, template=TEMPLATE, pad_id=ROLES["pad"])
            rows = fit_reviews(tokens, layout).rows
        else:
            starts = bool(changes.get("review_starts"))
            plain = BlockLayout(max_length=length, template=TEMPLATE, review_starts=starts)
            rows = pack_blocks(tokens, plain).rows
        if static is not None:
            rows = mask_rows(rows, (number, 0, SUBSETS.index(subset)), static)
        written[subset].append(write_shard(folder, subset, number, rows))
    config = {"masking": "dynamic" if static is None else "static", "padding": "max_length"}
    if best_fit:
        config["packing"] = "best_fit"
    return write_manifest(folder, "mlm", length, written, {**config, **changes})


def write_classification(
    folder: Path,
    *,
    length: int = 32,
    shards: int = 3,
    validation_shards: int = 0,
    padding: str = "longest",
    overflow: str = "truncate",
    tokenizer: Path = SAMPLE / "tokenizer",
    template: Template = TEMPLATE,
    reviews: Sequence[tuple[str, Any]] | None = None,
    labels_named: bool = True,
    **changes: Any,
) -> Path:
    """Write the sample reviews, a row each, or several with `overflow="windows"`.

    With changes of the config that the manifest names.
    """
    reviews = sample_reviews() if reviews is None else reviews
    layout = RowLayout(
        max_length=length,
        template=template,
        padding=padding,  # type: ignore[arg-type]
        overflow=overflow,  # type: ignore[arg-type]
        stride=4,
        pad_id=0,
    )
    parts = np.array_split(np.arange(len(reviews)), shards + validation_shards)
    written: dict[str, list[ShardEntry]] = {"train": [], "validation": []}
    for number, part in enumerate(parts):
        subset = "train" if number < shards else "validation"
        rows = pad_reviews(encode([reviews[i][0] for i in part], tokenizer), layout).rows
        dtype = np.float32 if "problem_type" in changes else np.int64
        labels = np.array([reviews[i][1] for i in part], dtype)
        written[subset].append(write_shard(folder, subset, number, rows, labels))
    config = {"masking": "dynamic", "padding": padding, "overflow": overflow, "stride": 4}
    config |= changes
    names = {"neg": 0, "pos": 1} if labels_named else None
    return write_manifest(
        folder, "classification", length, written, config, names=names, tokenizer=tokenizer
    )


def write_shard(
    folder: Path, subset: str, number: int, rows: Rows, labels: np.ndarray | None = None
) -> ShardEntry:
    """Write rows as a shard; its reviews are records 0, 10, 20, ... of an input of its own."""
    n_reviews = int(rows.review.max()) + 1
    table = rows_table(
        rows,
        vocab_size=VOCAB_SIZE,
        sources=np.full(n_reviews, number, np.uint32),
        records=np.arange(n_reviews, dtype=np.uint64) * 10,
        labels=labels,
    )
    data = shard_bytes(table, "arrow", {})
    path = f"{subset}/{number:07d}-0000.arrow"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(data)
    return ShardEntry(
        path=path,
        split=number,
        part=0,
        rows=len(rows),
        tokens=rows.n_tokens,
        reviews=n_reviews,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        content_sha256=content_sha256(table),
    )


def write_manifest(
    folder: Path,
    task: Any,
    length: int,
    shards: dict[str, list[ShardEntry]],
    config: dict[str, Any],
    *,
    names: dict[str, int] | None = None,
    tokenizer: Path = SAMPLE / "tokenizer",
) -> Path:
    """Write the manifest of shards that are there, and the tokenizer; return the folder."""
    (folder / "tokenizer").mkdir()
    for name in ("tokenizer.json", *COMPANIONS):
        (folder / "tokenizer" / name).write_bytes((tokenizer / name).read_bytes())
    data = (tokenizer / "tokenizer.json").read_bytes()
    vocabulary = Tokenizer.from_str(data.decode()).get_vocab()
    roles = {role: vocabulary[f"[{role.upper()}]"] for role in ROLES}
    n_shards = sum(len(part) for part in shards.values())
    manifest = Manifest(
        fingerprint="0" * 64,
        task=task,
        max_length=length,
        config={"task": task, "format": "arrow", **config},
        tokenizer=TokenizerEntry(
            path="tokenizer/tokenizer.json",
            sha256=hashlib.sha256(data).hexdigest(),
            vocab_size=len(vocabulary),
            special_token_ids=roles,
            prefix=(roles["cls"],),
            suffix=(roles["sep"],),
        ),
        label_numbers=names,
        subsets={name: Records.of(ShardEntry, entries) for name, entries in shards.items()},
        ledger=Ledger(
            reviews=ReviewCounts(read=0, written=0, rejected=0, dropped=0, truncated=0),
            tokens=TokenCounts(),
        ),
        inputs=Records.of(
            InputEntry,
            [
                InputEntry(path=f"input-{number}.jsonl", bytes=0, identity="")
                for number in range(n_shards)
            ],
        ),
        generations=(Generation(number=1, inputs=n_shards, splits=n_shards),),
    )
    (folder / "manifest.json").write_text(manifest.dumps(), encoding="utf-8")
    return folder
