"""A BPE model's merges as ids, where they can be made for many words at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from transforms.functional.tokenization.tokens import Int64Array


@dataclass(frozen=True, eq=False)
class BytePairs:
    """The merges of a BPE model, and what it begins with.

    Attributes:
        merges: (n_merges, 3) int64, the ids of left, right and their product, by rank.
        symbols: the ids of all tokens of one character.
    """

    merges: Int64Array
    symbols: dict[str, int]


def byte_pairs_of(model: dict[str, Any]) -> BytePairs | None:
    """Return the merges of a model, from its JSON; None where it does more than merge.

    That a pair's rank is above those of its halves, and each product is made of one pair, lets
    all pairs of the lowest rank of a word be merged at once: no pair that comes of it precedes.
    """
    more = ("continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
    if model["type"] != "BPE" or any(model[name] for name in more):
        return None
    ids: dict[str, int] = model["vocab"]
    rows = ((ids[left], ids[right], ids[left + right]) for left, right in model["merges"])
    merges = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 3)
    if not are_in_order(merges):
        return None
    return BytePairs(merges, {token: number for token, number in ids.items() if len(token) == 1})


def are_in_order(merges: Int64Array) -> bool:
    """Return True where each product is made of one pair, and after both of its halves."""
    ranks = np.arange(len(merges))
    made = np.full(int(merges.max(initial=0)) + 1, -1)
    made[merges[:, 2]] = ranks
    once = np.array_equal(made[merges[:, 2]], ranks)
    return once and bool((made[merges[:, :2]] < ranks[:, np.newaxis]).all())
