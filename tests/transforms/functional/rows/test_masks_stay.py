"""Masks never change: static ones are in the hashes of datasets, and dynamic ones are the same.

The blocks that are masked here are drawn by Philox, too, whose numbers are the same in every
release of numpy.
"""

import hashlib

import numpy as np
import pytest

from transforms.functional.counter_random import block_draws
from transforms.functional.rows.masking import MaskRecipe, mask_blocks

SPECIAL = (0, 100, 101, 102, 103)
N_CASES = 120


def case(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ids (n, length), word starts and identities, with words and padding of all kinds."""
    sizes, kinds = block_draws(99, np.array([[number, 0, 0, 0, 0], [number, 1, 0, 0, 0]]), 8)
    n_rows = int(sizes[0] % 40) + 1
    length = (1, 2, 17, 64, 128, 512)[int(sizes[1] % 6)]
    identities = np.zeros((n_rows, 5), np.int64)
    identities[:] = (number % 3, number, number % 5, number % 2, 0)
    identities[:, 4] = np.arange(n_rows) * 7 + number
    random = block_draws(98, identities, 3 * length).reshape(n_rows, 3, length) >> np.uint64(32)
    share = random / 2.0**32
    ids = 1000 + (share[:, 0] * 29_000).astype(np.int64)
    # Word starts in all shares; the special tokens between reviews; what a review spells out.
    starts = share[:, 1] < (0.0, 0.05, 0.3, 0.8, 1.0)[int(kinds[0] % 5)]
    special = share[:, 2] < (0.0, 0.01, 0.05, 0.6)[int(kinds[1] % 4)]
    ids[special] = np.array(SPECIAL)[random[:, 0][special] % 5]
    starts &= ~special | (share[:, 0] < 0.1)
    # Padding, on the right or on the left.
    if kinds[2] % 3 == 0:
        place = np.arange(length)[:: 1 if kinds[3] % 2 else -1]
        padding = place >= (share[:, :1, 0] * length)
        ids[padding], starts[padding] = 0, False
    return ids, starts, identities


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ({}, "bc997c0246b02b4bcdd862b6ac395696"),
        ({"whole_words": True}, "aa7d4b4cfdc8cdff9d114e1aa17e3161"),
        ({"spans": True}, "e2d3c2d22759373684b12c2f34efe4ec"),
    ],
)
def test_masks_are_these_for_ever(unit: dict[str, bool], expected: str) -> None:
    made, n_chosen = hashlib.sha256(), 0
    for number in range(N_CASES):
        ids, starts, identities = case(number)
        recipe = MaskRecipe(
            mask_id=103,
            vocab_size=30_000 if number % 2 else 1000,
            special_ids=SPECIAL if number % 7 else (),
            probability=(0.15, 0.15, 0.4, 0.01, 1.0)[number % 5],
            seed=number * 0x9E3779B97F4A7C15 % 2**64,
            **unit,
        )
        both = mask_blocks(ids.astype(np.uint32), starts, identities, recipe)
        wide = mask_blocks(ids, starts, identities, recipe)
        for one, other in zip(both, wide, strict=True):
            assert np.array_equal(one, other)
            made.update(one.astype("<i8").tobytes())
        n_chosen += int((both[1] >= 0).sum())

    assert n_chosen > 10_000
    assert made.hexdigest()[:32] == expected
