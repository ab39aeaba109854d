"""What a dataset holds in total, and what one run has added to it."""

from __future__ import annotations

from typing import Any

from transforms.functional.dataset.manifest import Manifest


def totals(manifest: Manifest, earlier: Manifest | None = None) -> dict[str, Any]:
    """Return inputs, ledger and subsets of a dataset, ready for JSON.

    Args:
        manifest: The dataset.
        earlier: A generation of it, which is left out: what others have added remains.
    """
    inputs, ledger, subsets = manifest.inputs, manifest.ledger, dict(manifest.subsets)
    if earlier is not None:
        inputs = inputs[len(earlier.inputs) :]
        ledger -= earlier.ledger
        for name, shards in subsets.items():
            subsets[name] = shards[len(earlier.subsets.get(name, ())) :]
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
