"""From the receipts of all parts to the manifest: nothing may be missing, all must add up."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import InputEntry, ShardEntry
from transforms.functional.dataset.manifest_lists import MAX_INLINE, ListFile
from transforms.functional.elements import ReadReceipt, ShardReceipt
from transforms.functional.errors import InputError, LedgerError, TooManyRejectedError
from transforms.functional.ledger import Ledger, ReviewCounts
from transforms.functional.records import Records
from transforms.functional.reviews.bad_files import BadFile


@dataclass(frozen=True, kw_only=True)
class ManifestDraft:
    """What is known of a manifest before the job runs, the inputs aside.

    Attributes:
        manifest: The manifest, with empty subsets and no input; its one generation has its number
            and the numbers that splits and buckets take.
        n_splits: Number of splits that were planned.
        max_rejected_fraction: More rejected records than this share fail the job.
        earlier: The generation that this one adds to, 0 for none.
    """

    manifest: Manifest
    n_splits: int
    max_rejected_fraction: float
    earlier: int = 0


def complete_manifest(
    draft: ManifestDraft,
    inputs: Records[InputEntry],
    read: Iterable[ReadReceipt],
    shards: Iterable[ShardReceipt],
    label_numbers: Mapping[str, int] | None = None,
    earlier: Manifest | None = None,
    quarantined: Iterable[BadFile] = (),
) -> Manifest:
    """Return the manifest of a finished job; receipts may come in any order.

    Args:
        label_numbers: The mapping of label names that were found in the inputs.
        earlier: The dataset that this run adds to.

    Raises:
        LedgerError: a part is missing or came twice, or reviews or tokens do not add up.
        TooManyRejectedError: more records were rejected than allowed.
    """
    first_split = earlier.n_splits() if earlier else 0
    counted, reasons, rejected_in = _sum_read(read, first_split, draft.n_splits)
    subsets, ledger = _sum_shards(shards, draft.manifest.subsets)
    ledger += Ledger(reviews=counted)
    _check_sums(subsets, ledger)
    first_input = len(earlier.inputs) if earlier else 0
    most = [f"in {inputs[at - first_input].path}: {n}" for at, n in rejected_in.most_common(1)]
    most += [f"for: {reason}: {n}" for reason, n in reasons.most_common(1)]
    check_rejected(ledger.reviews, draft.max_rejected_fraction, most)
    planned = draft.manifest
    manifest = replace(
        planned,
        label_numbers=label_numbers if planned.label_numbers is None else planned.label_numbers,
        subsets=subsets,
        ledger=ledger,
        inputs=inputs,
        quarantined=tuple(sorted(quarantined, key=lambda file: file.source)),
        generations=tuple(replace(each, inputs=len(inputs)) for each in planned.generations),
    )
    return manifest if earlier is None else _appended(earlier, manifest)


def _appended(earlier: Manifest, new: Manifest) -> Manifest:
    """Return a dataset followed by what a run added."""
    if earlier.label_numbers is None and new.label_numbers is not None:
        raise InputError(
            f"the dataset has integer labels, but the new inputs have names "
            f"({', '.join(list(new.label_numbers)[:3])}, ...): make a dataset of their own of them"
        )
    return replace(
        new,
        subsets={subset: earlier.subsets[subset] + new.subsets[subset] for subset in new.subsets},
        ledger=earlier.ledger + new.ledger,
        inputs=earlier.inputs + new.inputs,
        quarantined=(*earlier.quarantined, *new.quarantined),
        generations=(*earlier.generations, *new.generations),
        lists=earlier.lists,
    )


def move_to_lists(
    manifest: Manifest, folder: str, max_inline: int = MAX_INLINE
) -> tuple[Manifest, Mapping[str, bytes]]:
    """Return a manifest that holds at most `max_inline` entries of a kind itself.

    Args:
        folder: Where list files go, below the output.

    Returns:
        The manifest, and the list files to write, by their paths below the output.
    """
    lists: dict[str, tuple[ListFile, ...]] = {k: tuple(v) for k, v in manifest.lists.items()}
    files: dict[str, bytes] = {}
    kinds: dict[str, Records[Any]] = {**manifest.subsets, "inputs": manifest.inputs}
    for name, records in kinds.items():
        inline = manifest.inline(name, records)
        if len(inline) > max_inline:
            data = inline.to_parquet()
            sha256 = hashlib.sha256(data).hexdigest()
            # Its name tells its content, so that no run ever replaces the list of another one.
            path = f"{folder}/{manifest.generation:06d}-{name}-{sha256[:16]}.parquet"
            file = ListFile(path=path, sha256=sha256, rows=len(inline))
            files[path] = data
            lists[name] = (*lists.get(name, ()), file)
    return replace(manifest, lists=lists), files


def check_rejected(
    reviews: ReviewCounts, max_rejected_fraction: float, most: Iterable[str] = ()
) -> None:
    """Raise `TooManyRejectedError` when the share of rejected records is above the limit.

    Args:
        most: Which file holds most of them, and which reason is the most frequent.
    """
    if reviews.rejected > max_rejected_fraction * reviews.read:
        share = reviews.rejected / reviews.read
        where = "; ".join(f"most {what}" for what in most)
        raise TooManyRejectedError(
            f"{reviews.rejected} of {reviews.read} records were rejected ({share:.2%}), more than "
            f"--max_rejected_fraction {max_rejected_fraction:g} allows{where and f' ({where})'}: "
            f"read the reasons in rejected/, correct the inputs, raise the limit, or leave such "
            f"files out with --bad_files quarantine"
        )


def _sum_read(
    receipts: Iterable[ReadReceipt], first: int, n_splits: int
) -> tuple[ReviewCounts, Counter[str], Counter[int]]:
    """Return what was read and cleaned, and what was rejected by reason and by input file.

    Every part of every split has to be there.
    """
    # Plain numbers: there may be millions of receipts.
    splits, parts, lasts = array("q"), array("q"), array("b")
    reviews, reasons, rejected_in = ReviewCounts(), Counter[str](), Counter[int]()
    for receipt in receipts:
        splits.append(receipt.key.split)
        parts.append(receipt.key.part)
        lasts.append(receipt.last)
        reviews += receipt.reviews
        reasons.update(receipt.reasons)
        rejected_in.update(receipt.rejected_in)
    _check_parts(np.array(splits), np.array(parts), np.array(lasts, bool), first, n_splits)
    return reviews, reasons, rejected_in


def _check_parts(
    splits: np.ndarray, parts: np.ndarray, lasts: np.ndarray, first: int, n_splits: int
) -> None:
    """Raise `LedgerError` unless each split sent the parts 0, 1, ... up to its last, each once.

    Args:
        splits: (n,) int64, the split of each receipt.
        parts: (n,) int64, its part.
        lasts: (n,) bool, True for the last part of a split.
    """
    order = np.lexsort((parts, splits))
    splits, parts, lasts = splits[order], parts[order], lasts[order]
    planned = np.arange(first, first + n_splits)
    begins = np.searchsorted(splits, planned, "left")
    ends = np.searchsorted(splits, planned, "right")
    place = np.arange(len(splits)) - np.searchsorted(splits, splits, "left")
    is_end = np.append(splits[1:] != splits[:-1], True)[: len(splits)]
    wrong = splits[(parts != place) | (lasts != is_end)]
    strange = splits[(splits < first) | (splits >= first + n_splits)]
    for split in sorted({*wrong, *strange, *planned[begins == ends]})[:1]:
        raise LedgerError(
            f"split {split} came with parts {parts[splits == split].tolist()} instead of each "
            f"once; run the job again, and report it if it stays"
        )


def _sum_shards(
    receipts: Iterable[ShardReceipt], subsets: Iterable[str]
) -> tuple[dict[str, Records[ShardEntry]], Ledger]:
    """Return the shards of each subset in order, and what was counted when they were made."""
    ledger = Ledger()

    def entries() -> Iterator[ShardEntry]:
        nonlocal ledger
        for receipt in receipts:
            ledger += receipt.ledger
            if receipt.shard is not None:
                yield receipt.shard

    made = Records.of(ShardEntry, entries()).sorted_by("split", "part")
    paths = made.column("path")
    return {name: made.where(pc.starts_with(paths, f"{name}/")) for name in subsets}, ledger


def _check_sums(subsets: Mapping[str, Records[ShardEntry]], ledger: Ledger) -> None:
    """Raise `LedgerError` when counts do not add up, or shards hold other than what was counted."""
    ledger.check()
    for shards in subsets.values():
        seen = pc.value_counts(shards.column("path"))
        for path in seen.filter(pc.greater(seen.field("counts"), 1)).field("values")[:1]:
            raise LedgerError(f"{path} came twice; run the job again, and report it if it stays")
    for name in ("reviews", "tokens"):
        counted = getattr(ledger, name).written
        held = sum(shards.total(name) for shards in subsets.values())
        if held != counted:
            raise LedgerError(
                f"the shards hold {held} {name}, but {counted} were counted as written; run the "
                f"job again, and report it if it stays"
            )
