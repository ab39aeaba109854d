"""From a sample to the whole: figures with the range that the truth lies in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

STANDARD_ERRORS = 3.0
# What no run shows: the headers of files, and what is rare.
LEAST_ERROR = 0.01
# Fewer runs do not tell how much runs differ.
LEAST_RUNS = 8


class Estimate(NamedTuple):
    """A figure, and how far from it the truth may be: 0 where it is exact, inf where unknown."""

    value: float
    error: float

    def text(self, factor: float = 1.0, unit: str = "", decimals: int = 0) -> str:
        """Return `about 12.3 MB (12.1 to 12.5)`, or the bare figure where it is exact."""
        value = f"{self.value * factor:,.{decimals}f}"
        if not self.error:
            return f"{value}{unit}"
        if not np.isfinite(self.error):
            return f"about {value}{unit} (the range is unknown)"
        # Rounded outwards: the truth lies in what is shown.
        digit = 10.0**-decimals
        low = np.floor(max(0.0, self.value - self.error) * factor / digit) * digit
        high = np.ceil((self.value + self.error) * factor / digit) * digit
        return f"about {value}{unit} ({low:,.{decimals}f} to {high:,.{decimals}f})"

    def plus(self, value: float, error: float) -> Estimate:
        """Return the sum with something not below zero; errors may add up in the worst case."""
        return Estimate(max(0.0, self.value + value), self.error + error)


def narrowest_total(
    counts: npt.ArrayLike,
    sizes: Sequence[tuple[npt.ArrayLike, float]],
    *,
    is_all: bool,
    least_error: float = 0.0,
) -> Estimate:
    """Return the total of a count by the kind of size that tells most about it; see `total_of`.

    Args:
        counts: (n,) what was counted in each run.
        sizes: For each kind of size: (n,) that of each run, and that of the whole.
        is_all: True where the runs are the whole.
        least_error: As a share of the total, for what no run shows of this count.
    """
    totals = [total_of(counts, known, whole, is_all=is_all) for known, whole in sizes]
    value, error = min(totals, key=lambda total: total.error)
    return Estimate(value, error if is_all else max(error, least_error * value))


def total_of(counts: npt.ArrayLike, sizes: npt.ArrayLike, size: float, *, is_all: bool) -> Estimate:
    """Return the total of a count that is known in some runs of a whole.

    A ratio estimate: counts per size in the sample, times the size of the whole. The range is three
    standard errors to each side, from how much the runs differ from that ratio (Cochran, Sampling
    Techniques, 6.4).

    Args:
        counts: (n,) what was counted in each run.
        sizes: (n,) sizes of the runs.
        size: Size of the whole.
        is_all: True where the runs are the whole: the total is exact.
    """
    count, known = np.asarray(counts, np.float64), np.asarray(sizes, np.float64)
    ratio = float(count.sum() / known.sum()) if known.any() else 0.0
    if is_all or not ratio:
        return Estimate(ratio * size, 0.0)
    if len(count) < LEAST_RUNS:
        return Estimate(ratio * size, np.inf)
    error = float((count - ratio * known).std(ddof=1) / known.mean() / np.sqrt(len(count)))
    return Estimate(ratio * size, max(STANDARD_ERRORS * error, LEAST_ERROR * ratio) * size)
