"""Train or validation: a pure function of each review's place in the inputs, or of its path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from transforms.functional.counter_random import VALIDATION, below, review_random
from transforms.functional.dataset.manifest_entries import Subset
from transforms.functional.elements import TokenizedPart, take_reviews

_SUBSETS: dict[str, Subset] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "eval", "test"), "validation"),
}

_WORD = re.compile(r"[^-._]*")


def subset_of_path(path: str) -> Subset | None:
    """Return the subset that a path says, None where it says none.

    The file's name counts before its folders, and a folder before those above it:
    `test-00000-of-00001.parquet` and `aclImdb/test/pos/0_10.txt` are for validation.
    """
    folder, _, name = path.rpartition("/")
    word = _WORD.match(name.lower())
    return _SUBSETS.get(word[0] if word else "") or _subset_of_folder(folder)


@lru_cache(maxsize=1024)
def _subset_of_folder(folder: str) -> Subset | None:
    """Return the subset that the last folder of that kind says: many files lie in one folder."""
    names = (_SUBSETS.get(name.lower()) for name in reversed(folder.split("/")))
    return next(filter(None, names), None)


def split_subsets(
    part: TokenizedPart,
    validation_fraction: float,
    seed: int,
    validation_sources: Sequence[tuple[int, int]] | None = None,
) -> list[TokenizedPart]:
    """Return a part's training reviews and its validation reviews, in their order.

    Args:
        validation_fraction: Share of reviews for validation, which `seed` draws.
        seed: Seed of the choice.
        validation_sources: (first, end) of runs of input files, sorted, whose reviews are for
            validation; with them nothing is drawn.
    """
    if validation_sources is None:
        draws = review_random(seed, VALIDATION, part.index.sources, part.index.records)
        validation = below(draws, validation_fraction)
    else:
        borders = np.array(validation_sources, np.int64).ravel()
        validation = np.searchsorted(borders, part.index.sources, "right") % 2 == 1
    return [
        take_reviews(part, ~validation, "train"),
        take_reviews(part, validation, "validation"),
    ]
