"""From the receipts of all parts to the manifest: nothing may be missing, all must add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from transforms.functional.elements import ReadReceipt, ShardReceipt
from transforms.functional.errors import LedgerError, TooManyRejectedError
from transforms.functional.ledger import Ledger, ReviewCounts
from transforms.functional.manifest import (
    SUBSETS,
    InputEntry,
    Manifest,
    ShardEntry,
    TokenizerEntry,
)
from transforms.functional.rows import TokenCounts


@dataclass(frozen=True, kw_only=True)
class ManifestDraft:
    """What is known of a manifest before the job runs.

    Attributes:
        n_splits: Number of splits that were planned.
        subsets: The subsets that the job makes; a subset may turn out empty.
        max_rejected_fraction: More rejected records than this share fail the job.
        label_numbers: The mapping of labels from folders, where there is one.
    """

    fingerprint: str
    task: Literal["mlm", "classification"]
    max_length: int
    config: Mapping[str, Any]
    tokenizer: TokenizerEntry
    inputs: tuple[InputEntry, ...]
    n_splits: int
    subsets: tuple[str, ...]
    max_rejected_fraction: float
    label_numbers: Mapping[str, int] | None = None


def complete_manifest(
    draft: ManifestDraft,
    read: Iterable[ReadReceipt],
    shards: Iterable[ShardReceipt],
    label_numbers: Mapping[str, int] | None = None,
) -> Manifest:
    """Return the manifest of a finished job; receipts may come in any order.

    Raises:
        LedgerError: a part is missing or came twice, or reviews or tokens do not add up.
        TooManyRejectedError: more records were rejected than allowed.
    """
    n_reviews, n_rejected = _sum_read(read, draft.n_splits)
    entries, counts, tokens = _sum_shards(shards)
    ledger = Ledger(
        reviews=ReviewCounts(
            read=n_reviews + n_rejected,
            written=counts["written"],
            rejected=n_rejected,
            dropped=counts["dropped"],
            truncated=counts["truncated"],
        ),
        tokens=tokens,
    )
    ledger.check()
    _check_shards([shard for subset in SUBSETS for shard in entries[subset]], ledger)
    check_rejected(ledger.reviews, draft.max_rejected_fraction)
    splits = {name: tuple(sorted(entries[name], key=_place)) for name in draft.subsets}
    return Manifest(
        fingerprint=draft.fingerprint,
        task=draft.task,
        max_length=draft.max_length,
        config=draft.config,
        tokenizer=draft.tokenizer,
        label_numbers=label_numbers if draft.label_numbers is None else draft.label_numbers,
        splits=splits,
        ledger=ledger,
        inputs=draft.inputs,
    )


def check_rejected(reviews: ReviewCounts, max_rejected_fraction: float) -> None:
    """Raise `TooManyRejectedError` when the share of rejected records is above the limit."""
    if reviews.rejected > max_rejected_fraction * reviews.read:
        share = reviews.rejected / reviews.read
        raise TooManyRejectedError(
            f"{reviews.rejected} of {reviews.read} records were rejected ({share:.2%}), more than "
            f"--max_rejected_fraction {max_rejected_fraction:g} allows: read the reasons in "
            f"rejected/, mend the inputs or raise the limit"
        )


def _sum_read(receipts: Iterable[ReadReceipt], n_splits: int) -> tuple[int, int]:
    """Return reviews and rejected records, after checking that every part of every split came."""
    parts: dict[int, list[int]] = defaultdict(list)
    n_parts: dict[int, int] = {}
    n_reviews = n_rejected = 0
    for receipt in receipts:
        parts[receipt.key.split].append(receipt.key.part)
        if receipt.last:
            n_parts[receipt.key.split] = receipt.key.part + 1
        n_reviews += receipt.reviews
        n_rejected += receipt.rejected
    for split in sorted({*range(n_splits), *parts}):
        expected = n_parts.get(split) if split < n_splits else 0
        if expected is None or sorted(parts[split]) != list(range(expected)):
            raise LedgerError(
                f"split {split} came with parts {sorted(parts[split])} instead of each once; "
                f"run the job again, and report it if it stays"
            )
    return n_reviews, n_rejected


def _sum_shards(
    receipts: Iterable[ShardReceipt],
) -> tuple[dict[str, list[ShardEntry]], dict[str, int], TokenCounts]:
    entries: dict[str, list[ShardEntry]] = {subset: [] for subset in SUBSETS}
    counts = dict.fromkeys(("written", "dropped", "truncated"), 0)
    tokens = TokenCounts()
    for receipt in receipts:
        if receipt.shard is not None:
            entries[receipt.subset].append(receipt.shard)
        for name in counts:
            counts[name] += getattr(receipt, name)
        tokens += receipt.tokens
    return entries, counts, tokens


def _check_shards(shards: Iterable[ShardEntry], ledger: Ledger) -> None:
    """Raise `LedgerError` when a shard came twice, or holds other than what was counted."""
    paths: set[str] = set()
    reviews = tokens = 0
    for shard in shards:
        if shard.path in paths:
            raise LedgerError(
                f"{shard.path} came twice; run the job again, and report it if it stays"
            )
        paths.add(shard.path)
        reviews += shard.reviews
        tokens += shard.tokens
    for name, held, counted in (
        ("reviews", reviews, ledger.reviews.written),
        ("tokens", tokens, ledger.tokens.written),
    ):
        if held != counted:
            raise LedgerError(
                f"the shards hold {held} {name}, but {counted} were counted as written; run the "
                f"job again, and report it if it stays"
            )


def _place(shard: ShardEntry) -> tuple[int, int]:
    return shard.split, shard.part
