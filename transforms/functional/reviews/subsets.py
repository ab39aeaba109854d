"""Train or validation: a pure function of each review's place in the inputs, or of its path."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transforms.functional.counter_random import VALIDATION, below, review_random
from transforms.functional.dataset.manifest import Subset
from transforms.functional.elements import TokenizedPart, take_reviews

_SUBSETS: dict[str, Subset] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "eval", "test"), "validation"),
}


def subset_of_path(path: str) -> Subset | None:
    """Return the subset that a path says, None where it says none.

    The file's name counts before its folders, and a folder before those above it:
    `test-00000-of-00001.parquet` and `aclImdb/test/pos/0_10.txt` are for validation.
    """
    *folders, name = path.split("/")
    found = _SUBSETS.get(re.split(r"[-._]", name.lower(), maxsplit=1)[0])
    for folder in reversed(folders):
        found = found or _SUBSETS.get(folder.lower())
    return found


def split_subsets(
    part: TokenizedPart,
    validation_fraction: float,
    seed: int,
    validation_sources: Sequence[tuple[int, int]] | None = None,
) -> list[TokenizedPart]:
    """Return a part's training reviews and its validation reviews, in their order.

    Args:
        part: The reviews.
        validation_fraction: Share of reviews for validation, which `seed` draws.
        seed: Seed of the choice.
        validation_sources: (first, end) of runs of input files whose reviews are for validation;
            with them nothing is drawn.
    """
    if validation_sources is None:
        draws = review_random(seed, VALIDATION, part.index.sources, part.index.records)
        validation = below(draws, validation_fraction)
    else:
        validation = _in_runs(part.index.sources, validation_sources)
    return [
        take_reviews(part, ~validation, "train"),
        take_reviews(part, validation, "validation"),
    ]


def _in_runs(
    sources: npt.NDArray[np.uint32], runs: Sequence[tuple[int, int]]
) -> npt.NDArray[np.bool_]:
    """Return (n_reviews,) which sources lie in one of the sorted runs."""
    borders = np.array(runs, np.int64).ravel()
    inside: npt.NDArray[np.bool_] = np.searchsorted(borders, sources, "right") % 2 == 1
    return inside
