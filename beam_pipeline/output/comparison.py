"""What differs between two datasets: options, inputs, tokenizer, rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import SUBSETS
from transforms.functional.wording import counted, first_of


def list_differences(one: Manifest, other: Manifest) -> list[str]:
    """Return a line for each difference, the value of `one` first; none where they are the same."""
    return [
        *_changes("option", one.config, other.config),
        *_changes("tokenizer", _tokenizer(one), _tokenizer(other)),
        *_inputs(one, other),
        *_changes("label", one.label_numbers or {}, other.label_numbers or {}),
        *_changes("ledger", _ledger(one), _ledger(other)),
        *(line for subset in SUBSETS for line in _rows(one, other, subset)),
    ]


def _changes(what: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(one.keys() | other.keys()):
        before, after = (_shown(values.get(name)) for values in (one, other))
        if before != after:
            yield f"{what:<11} {name}: {before} -> {after}"


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def _tokenizer(manifest: Manifest) -> dict[str, Any]:
    tokenizer = manifest.tokenizer
    return {
        "ids": tokenizer.vocab_size,
        "sha256": tokenizer.sha256[:16],
        "special_token_ids": dict(tokenizer.special_token_ids),
    }


def _ledger(manifest: Manifest) -> dict[str, int]:
    return {
        f"{kind}.{name}": count
        for kind, counts in manifest.ledger.to_json().items()
        for name, count in counts.items()
    }


def _inputs(one: Manifest, other: Manifest) -> Iterator[str]:
    before = {entry.path: (entry.bytes, entry.identity) for entry in one.inputs}
    after = {entry.path: (entry.bytes, entry.identity) for entry in other.inputs}
    for what, paths in (
        ("only in -", [path for path in before if path not in after]),
        ("only in +", [path for path in after if path not in before]),
        ("changed", [path for path in before if path in after and before[path] != after[path]]),
    ):
        if paths:
            yield f"{'inputs':<11} {what}: {first_of(paths)}"


def _rows(one: Manifest, other: Manifest, subset: str) -> Iterator[str]:
    yield from _changes(
        subset,
        {"rows": one.rows(subset), "tokens": one.tokens(subset)},
        {"rows": other.rows(subset), "tokens": other.tokens(subset)},
    )
    before, after = (
        {shard.content_sha256 for shard in manifest.subsets.get(subset, ())}
        for manifest in (one, other)
    )
    if before != after:
        same = counted(len(before & after), "shard")
        hold = "holds" if len(before & after) == 1 else "hold"
        yield (
            f"{subset:<11} {same} {hold} the same rows, "
            f"{len(before - after):,} -> {len(after - before):,} others"
        )
