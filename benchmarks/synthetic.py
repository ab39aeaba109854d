"""Datasets of made-up blocks, for benchmarks and tests: the format's own writers, no Beam."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import (
    Generation,
    InputEntry,
    ShardEntry,
    TokenizerEntry,
)
from transforms.functional.dataset.shards import content_sha256, rows_table, shard_bytes
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.records import Records
from transforms.functional.rows.rows import Rows

VOCAB_SIZE = 30_522


def write_blocks(folder: Path, *, rows: int, length: int, shards: int, seed: int = 0) -> None:
    """Write a dataset of full blocks of random tokens, four in five of which begin a word.

    Args:
        folder: Where to.
        rows: Number of blocks.
        length: Tokens in a block.
        shards: Number of shards, of about equal size.
        seed: Seed of the tokens.
    """
    random = np.random.default_rng(seed)
    (folder / "train/000001").mkdir(parents=True, exist_ok=True)
    entries = [
        _write_shard(folder, number, len(part), length, random)
        for number, part in enumerate(np.array_split(np.arange(rows), shards))
    ]
    tokens = rows * length
    manifest = Manifest(
        fingerprint="0" * 64,
        task="mlm",
        max_length=length,
        config={"task": "mlm", "format": "arrow", "masking": "dynamic", "padding": "max_length"},
        tokenizer=_write_tokenizer(folder),
        label_numbers=None,
        subsets={"train": Records.of(ShardEntry, entries)},
        ledger=Ledger(
            reviews=ReviewCounts(read=rows, written=rows, rejected=0, dropped=0, truncated=0),
            tokens=TokenCounts(tokenized=tokens, written=tokens),
        ),
        inputs=Records.of(InputEntry),
        generations=(Generation(number=1, inputs=0, splits=len(entries)),),
    )
    (folder / "manifest.json").write_text(manifest.dumps(), encoding="utf-8")


def _write_tokenizer(folder: Path) -> TokenizerEntry:
    vocabulary = {f"token{number}": number for number in range(VOCAB_SIZE)}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "token100"}
    content = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": model,
    }
    tokenizer = json.dumps(content).encode()
    (folder / "tokenizer").mkdir(exist_ok=True)
    (folder / "tokenizer/tokenizer.json").write_bytes(tokenizer)
    return TokenizerEntry(
        path="tokenizer/tokenizer.json",
        sha256=hashlib.sha256(tokenizer).hexdigest(),
        vocab_size=VOCAB_SIZE,
        special_token_ids={"cls": 101, "mask": 103, "pad": 0, "sep": 102, "unk": 100},
        prefix=(101,),
        suffix=(102,),
    )


def _write_shard(
    folder: Path, number: int, rows: int, length: int, random: np.random.Generator
) -> ShardEntry:
    table = rows_table(
        Rows(
            row_length=length,
            offsets=np.arange(rows + 1, dtype=np.int64) * length,
            input_ids=random.integers(999, VOCAB_SIZE, rows * length).astype(np.uint32),
            attention_mask=np.ones(rows * length, np.bool_),
            word_starts=random.random(rows * length) < 0.8,
            review=np.arange(rows),
        ),
        vocab_size=VOCAB_SIZE,
        sources=np.zeros(rows, np.uint32),
        records=np.arange(rows, dtype=np.uint64),
    )
    metadata: Mapping[str, str] = {}
    data = shard_bytes(table, "arrow", metadata)
    path = f"train/000001/{number:07d}-0000.arrow"
    (folder / path).write_bytes(data)
    return ShardEntry(
        path=path,
        split=number,
        part=0,
        rows=rows,
        tokens=rows * length,
        reviews=rows,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        content_sha256=content_sha256(table),
    )
