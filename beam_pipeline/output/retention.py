"""Which generations are kept, and which were removed on purpose."""

from __future__ import annotations

import json
from collections.abc import Collection

from transforms import storage
from transforms.functional.errors import InputError
from transforms.storage.generations import MANIFESTS

_REMOVED = f"{MANIFESTS}/removed.json"


def removed_generations(output: str) -> set[int]:
    """Return the numbers of the generations whose manifests were removed on purpose.

    Raises:
        InputError: the file that lists them is damaged.
    """
    try:
        numbers = json.loads(storage.read_bytes(storage.join(output, _REMOVED)))["generations"]
        return set(map(int, numbers))
    except FileNotFoundError:
        return set()
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{storage.join(output, _REMOVED)} is damaged: remove it") from None


def note_removed(output: str, numbers: Collection[int]) -> None:
    """Write down that some generations are removed on purpose, so that nobody misses them."""
    known = sorted(removed_generations(output).union(numbers))
    text = json.dumps({"generations": known}) + "\n"
    storage.write_atomic(storage.join(output, _REMOVED), text.encode())
