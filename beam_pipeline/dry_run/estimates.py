"""From a sample to the whole: figures with the range that the truth lies in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

STANDARD_ERRORS = 3.0
# What no run shows: the ends of parts and blocks, the headers of files.
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


def total_of(
    counts: Sequence[float], sizes: Sequence[float], size: float, *, is_all: bool
) -> Estimate:
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
