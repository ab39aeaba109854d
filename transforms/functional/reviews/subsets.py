"""Train or validation: a pure function of the seed and each review's place in the inputs."""

from __future__ import annotations

from transforms.functional.counter_random import VALIDATION, below, review_random
from transforms.functional.elements import TokenizedPart, take_reviews


def split_subsets(
    part: TokenizedPart, validation_fraction: float, seed: int
) -> list[TokenizedPart]:
    """Return a part's training reviews and its validation reviews, in their order."""
    draws = review_random(seed, VALIDATION, part.index.sources, part.index.records)
    validation = below(draws, validation_fraction)
    return [
        take_reviews(part, ~validation, "train"),
        take_reviews(part, validation, "validation"),
    ]
