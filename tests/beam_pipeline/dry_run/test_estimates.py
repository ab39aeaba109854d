"""An estimate's range holds the truth, and says no more than the sample does."""

import math

import numpy as np
import pytest

from beam_pipeline.dry_run.estimates import Estimate, narrowest_total, total_of


def test_everything_is_exact() -> None:
    assert total_of([3, 4], [10, 10], 20, is_all=True) == (7, 0)


def test_a_few_runs_tell_no_range() -> None:
    found = total_of([3, 6], [10, 20], 100, is_all=False)
    assert found == (30, math.inf)
    assert found.text() == "about 30 (the range is unknown)"


def test_runs_that_agree_leave_what_no_run_shows() -> None:
    assert total_of([5] * 8, [10] * 8, 100, is_all=False) == (50, pytest.approx(0.5))


def test_eight_runs_by_hand() -> None:
    # Ratio 0.5; residuals of -1 and 1, so a standard error of sqrt(8 / 7 / 8) / 10 a byte.
    found = total_of([4, 6] * 4, [10] * 8, 100, is_all=False)
    assert found == (50, pytest.approx(3 * math.sqrt(1 / 7) / 10 * 100))


def test_what_is_nowhere_in_the_sample_is_nothing() -> None:
    assert total_of([0] * 8, [10] * 8, 100, is_all=False).text() == "0"


@pytest.mark.parametrize("n", [8, 128])
def test_the_truth_lies_in_98_of_100_ranges_at_least(n: int) -> None:
    random = np.random.default_rng(7)
    lengths = random.lognormal(5, 0.8, 200_000)  # Tokens of reviews.
    runs = lengths.reshape(4000, 50).sum(axis=1)
    hits = 0
    for _ in range(400):
        chosen = random.choice(runs, n, replace=False)
        found = total_of(chosen, np.ones(n), len(runs), is_all=False)
        assert found.error < 0.3 * found.value
        hits += abs(found.value - runs.sum()) <= found.error
    assert hits / 400 >= 0.98


def test_a_figure_is_shown_with_its_range_and_unit() -> None:
    assert Estimate(12_345_678, 45_678).text() == "about 12,345,678 (12,300,000 to 12,391,356)"
    assert Estimate(30, 40).text(0.1, " MB", 1) == "about 3.0 MB (0.0 to 7.0)"
    assert Estimate(1.31, 0.02).text(1, " MB", 1) == "about 1.3 MB (1.2 to 1.4)"
    assert Estimate(50_000, 0).text() == "50,000"


def test_of_several_sizes_the_one_that_tells_most_is_taken() -> None:
    # Reviews by bytes vary, by files they do not.
    by_bytes, by_files = ([10, 30] * 4, 160.0), ([2] * 8, 16.0)
    found = narrowest_total([2] * 8, [by_bytes, by_files], is_all=False)
    assert found == (16, pytest.approx(0.16))
    wider = narrowest_total([2] * 8, [by_bytes, by_files], is_all=False, least_error=0.5)
    assert wider == (16, 8)
    assert narrowest_total([2] * 8, [by_files], is_all=True, least_error=0.5) == (16, 0)


def test_what_is_added_to_a_figure_makes_it_less_sure() -> None:
    assert Estimate(10, 1).plus(-4, 2) == (6, 3)
    assert Estimate(1, 1).plus(-4, 2) == (0, 3)
