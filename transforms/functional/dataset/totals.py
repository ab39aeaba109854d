"""What a dataset holds in total, and what one run has added to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import InputEntry, ShardEntry
from transforms.functional.ledger import Ledger
from transforms.functional.records import Records

Totals = dict[str, Any]


def totals(manifest: Manifest) -> Totals:
    """Return inputs, ledger and subsets of a whole dataset, ready for JSON."""
    return _totals(manifest.inputs, manifest.ledger, manifest.subsets)


def added(manifest: Manifest, earlier: Manifest | None) -> Totals:
    """Return the same of what the newest generation has added.

    Args:
        earlier: The generation that it added to, None for none.
    """
    if earlier is None:
        return totals(manifest)
    subsets = {
        name: shards[len(earlier.subsets.get(name, ())) :]
        for name, shards in manifest.subsets.items()
    }
    inputs = manifest.inputs[len(earlier.inputs) :]
    return _totals(inputs, manifest.ledger - earlier.ledger, subsets)


def _totals(
    inputs: Records[InputEntry], ledger: Ledger, subsets: Mapping[str, Records[ShardEntry]]
) -> Totals:
    return {
        "inputs": len(inputs),
        "input_bytes": inputs.total("bytes"),
        "ledger": ledger.to_json(),
        "subsets": {
            name: {
                "rows": shards.total("rows"),
                "tokens": shards.total("tokens"),
                "shards": len(shards),
                "bytes": shards.total("bytes"),
            }
            for name, shards in subsets.items()
        },
    }
