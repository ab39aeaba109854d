"""From a sample to the whole: totals with the error that the sample tells of itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom; behind them the normal's.
_STUDENT_T = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure, and half the width of its 95 % interval."""

    value: float
    error: float

    def __str__(self) -> str:
        """Return both, rounded to what the error leaves of the digits."""
        if not self.error:
            return f"{self.value:,.0f}"
        if not math.isfinite(self.error):
            return f"about {self.value:,.0f} (the sample does not tell its error)"
        digits = -max(0, math.floor(math.log10(self.error)) - 1)
        return f"about {round(self.value, digits):,.0f} ± {round(self.error, digits):,.0f}"

    def share(self, whole: float) -> str:
        """Return it as a share of a whole."""
        value, error = self.value / whole, self.error / whole
        return f"{value:.2%} ± {error:.2%}" if 0 < error < 1 else f"{value:.2%}"

    def times(self, factor: float, least_error: float = 0.0) -> Estimate:
        """Return a multiple; `least_error` is a share of the value that the error has at least."""
        value = self.value * factor
        return Estimate(value=value, error=max(self.error * factor, least_error * value))


def total_of(
    counts: Sequence[float], sizes: Sequence[float], size: float, *, is_all: bool
) -> Estimate:
    """Return the total of a count that is known in some stretches of a whole.

    A ratio estimate: counts per size in the sample, times the size of the whole. Its error comes
    from how much the stretches differ from that ratio (Cochran, Sampling Techniques, 6.4).

    Args:
        counts: (n,) what was counted in each stretch.
        sizes: (n,) sizes of the stretches.
        size: Size of the whole.
        is_all: True where the stretches are the whole: there is no error.
    """
    count, known = np.asarray(counts, np.float64), np.asarray(sizes, np.float64)
    if not known.sum():
        return Estimate(value=0.0, error=0.0)
    ratio = count.sum() / known.sum()
    if is_all:
        return Estimate(value=float(count.sum()), error=0.0)
    n = len(count)
    if n < 2:
        return Estimate(value=float(ratio * size), error=math.inf)
    spread = float(np.sqrt(((count - ratio * known) ** 2).sum() / (n - 1) / n)) / known.mean()
    quantile = _STUDENT_T[n - 2] if n - 2 < len(_STUDENT_T) else 1.96 + 2.5 / n
    return Estimate(value=float(ratio * size), error=float(quantile * spread * size))
