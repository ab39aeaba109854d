"""A shard carries its own receipt, so that a rerun can tell whether it is finished.

The schema of a shard names the options that made it (`fingerprint`) and the part that it was made
of (`part_sha256`), holds the counts that its rows alone do not tell, and the hash of its rows. A
shard is a pure function of the first two: where both agree, it would come out the same again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import pyarrow as pa

from transforms.functional.dataset.manifest import generation_folder
from transforms.functional.dataset.manifest_entries import ShardEntry, Subset
from transforms.functional.dataset.shards import (
    ShardFormat,
    content_sha256,
    format_of,
    read_shard,
    shard_bytes,
)
from transforms.functional.elements import PackedPart, ShardReceipt
from transforms.functional.ledger import Ledger, TokenCounts
from transforms.functional.reviews.reviews import Part, PartKey

FINGERPRINT = "review_shards.fingerprint"
PART = "review_shards.part_sha256"
COUNTS = "review_shards.counts"
CONTENT = "review_shards.content_sha256"


def shard_path(
    subset: Subset, key: PartKey, shard_format: ShardFormat, generation: int | None
) -> str:
    """Return the path of a shard below the output.

    Args:
        generation: The generation that it belongs to; None as in format version 1, where shards
            of all generations lay in one folder.
    """
    folder = subset if generation is None else generation_folder(subset, generation)
    return f"{folder}/{key}.{shard_format}"


def receipt_metadata(part: PackedPart, content: str) -> dict[str, str]:
    """Return what a shard's schema says of the part that it was made of, and of its content."""
    ledger = part.packed.ledger
    # What the making of rows counts; the rest of a ledger is known when reading.
    counts = {name: getattr(ledger.reviews, name) for name in ("written", "dropped", "truncated")}
    text = json.dumps({**counts, "tokens": asdict(ledger.tokens)}, sort_keys=True)
    return {PART: part.digest, COUNTS: text, CONTENT: content}


def new_receipt(
    data: bytes,
    path: str,
    key: PartKey,
    subset: Subset,
    n_rows: int,
    ledger: Ledger,
    content: str,
) -> ShardReceipt:
    """Return the receipt of a part whose shard has just been written."""
    shard = ShardEntry(
        path=path,
        split=key.split,
        part=key.part,
        rows=n_rows,
        tokens=ledger.tokens.written,
        reviews=ledger.reviews.written,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        content_sha256=content,
    )
    return ShardReceipt(shard=shard, subset=subset, ledger=ledger)


def receipt_of(
    data: bytes, path: str, part: Part | PackedPart, subset: Subset, fingerprint: str
) -> ShardReceipt | None:
    """Return the receipt in a shard file, None where it is damaged or was made of something else.

    Args:
        path: Its path below the output; the ending says how it is stored.
        part: What it has to be made of.
        subset: The subset that it belongs to.
        fingerprint: The fingerprint of the options that it has to be made with.
    """
    try:
        table = read_shard(data, format_of(path))
        metadata = {name.decode(): value.decode() for name, value in table.schema.metadata.items()}
        if metadata[FINGERPRINT] != fingerprint or metadata[PART] != part.digest:
            return None
        content = content_sha256(table)
        counts = json.loads(metadata[COUNTS])
        ledger = Ledger.from_json({"tokens": counts.pop("tokens"), "reviews": counts})
        is_whole = metadata[CONTENT] == content and _agree(ledger.tokens, table)
        # A flipped bit between the values changes no row, but the hash of the file.
        if format_of(path) == "arrow":
            is_whole &= shard_bytes(table, "arrow", metadata) == data
    except (pa.ArrowException, OSError, ValueError, KeyError, AttributeError, TypeError):
        # Whatever is wrong with it: it will be made again.
        return None
    if not is_whole:
        return None
    return new_receipt(data, path, part.key, subset, table.num_rows, ledger, content)


def _agree(tokens: TokenCounts, table: pa.Table) -> bool:
    """Return True where counts add up, and are those of the rows."""
    made = tokens.tokenized + tokens.special + tokens.repeated
    written = sum(chunk.flatten().true_count for chunk in table.column("attention_mask").chunks)
    return made == tokens.written + tokens.dropped and written == tokens.written
