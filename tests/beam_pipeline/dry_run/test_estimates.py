"""An estimate's interval holds the truth as often as it says."""

import math

import numpy as np
import pytest

from beam_pipeline.dry_run.estimates import Estimate, total_of


def test_everything_has_no_error() -> None:
    assert total_of([3, 4], [10, 10], 20, is_all=True) == Estimate(value=7, error=0)


def test_stretches_that_agree_have_no_error_either() -> None:
    assert total_of([3, 6], [10, 20], 100, is_all=False) == Estimate(value=30, error=0)


def test_one_stretch_tells_no_error() -> None:
    assert total_of([3], [10], 100, is_all=False) == Estimate(value=30, error=math.inf)
    assert "does not tell" in str(total_of([3], [10], 100, is_all=False))


def test_two_stretches_by_hand() -> None:
    # Ratio 0.5, residuals -1 and 1, so a spread of sqrt(2 / 1 / 2) / 10 a byte; t = 12.71.
    found = total_of([4, 6], [10, 10], 100, is_all=False)
    assert found.value == 50
    assert found.error == pytest.approx(12.71 * 0.1 * 100)


@pytest.mark.parametrize("n", [4, 32])
def test_the_truth_lies_in_about_95_of_100_intervals(n: int) -> None:
    random = np.random.default_rng(7)
    lengths = random.lognormal(5, 0.8, 200_000)  # Tokens of reviews.
    runs = lengths.reshape(4000, 50).sum(axis=1)
    hits = 0
    for _ in range(400):
        chosen = random.choice(runs, n, replace=False)
        found = total_of(chosen, np.ones(n), len(runs), is_all=False)
        hits += abs(found.value - runs.sum()) <= found.error
    assert 0.90 <= hits / 400 <= 0.99


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (12_345_678, 45_678, "about 12,346,000 ± 46,000"),
        (30, 0.4, "about 30 ± 0"),
        (50_000, 0, "50,000"),
    ],
)
def test_it_shows_no_digit_that_it_does_not_know(value: float, error: float, text: str) -> None:
    assert str(Estimate(value=value, error=error)) == text
