"""Calibration of predictions: how often do measured values lie in their intervals?

Symbols: ``n`` values y, each with a predicted mean mu and standard deviation s; a level p.

    z = (y - mu) / s
    c(p) = share of |z| <= q,   Phi(q) = (1 + p) / 2           expected: p

If the predictions are right, ``n c(p)`` has a binomial distribution, which says how far from ``p``
chance alone takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, norm, spearmanr

Values = npt.NDArray[np.float64]

LEVELS = tuple(level / 20 for level in range(1, 20))
"""Levels of a calibration curve."""
_SURE = 0.95  # of what chance may do


@dataclass(frozen=True, slots=True)
class Calibration:
    """Predictions against what was measured: ``n`` of each.

    Attributes:
        measured: Values.
        mean: Predicted.
        sd: Predicted, positive.
    """

    measured: Values
    mean: Values
    sd: Values

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.measured)

    @property
    def z(self) -> Values:
        """The errors in predicted standard deviations."""
        return (self.measured - self.mean) / self.sd

    def covered(self, level: float) -> int:
        """Return how many measured values lie in their central intervals of a level."""
        return int((np.abs(self.z) <= half_width(level)).sum())

    def by_chance(self, level: float) -> tuple[int, int]:
        """Return between how many would lie there, in 95 of 100 cases, if predictions are right."""
        low, high = binom.interval(_SURE, len(self), level)
        return int(low), int(high)

    @property
    def rmse(self) -> float:
        """Root mean squared error of the means."""
        return float(np.sqrt(np.mean((self.measured - self.mean) ** 2)))

    @property
    def spread(self) -> float:
        """Standard deviation of what was measured: the error of a constant prediction."""
        return float(self.measured.std())

    @property
    def standardised_error(self) -> float:
        """Root mean square of ``z``: 1 where standard deviations are right, more if too small."""
        return float(np.sqrt(np.mean(self.z**2)))


def half_width(level: float) -> float:
    """Return half the width of a central interval, in standard deviations.

    >>> round(half_width(0.8), 4)
    1.2816
    """
    return float(norm.ppf((1 + level) / 2))


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Spearman's rank correlation of predicted and measured values in a window.

    Attributes:
        end: The row of the window's last value.
        value: The correlation.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    end: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, end: int, predicted: Values, measured: Values) -> RankCorrelation | None:
        """Return that of at least 4 pairs; None where all values are equal.

        The interval is Fisher's, with the variance of Fieller, Hartley and Pearson (1957).
        """
        if np.ptp(predicted) == 0 or np.ptp(measured) == 0:
            return None
        value = float(spearmanr(predicted, measured).statistic)
        centre = np.arctanh(np.clip(value, -0.999999, 0.999999))
        half = norm.ppf(0.975) * np.sqrt(1.06 / (len(measured) - 3))
        return cls(end, value, float(np.tanh(centre - half)), float(np.tanh(centre + half)))


def correlations(
    predicted: Values, measured: Values, window: int, most: int = 120
) -> list[RankCorrelation]:
    """Return the correlation in at most ``most`` windows of ``window`` values."""
    n = len(measured)
    ends: Sequence[int] = sorted({*np.linspace(window, n, most).astype(int)} if n >= window else ())
    found = (
        RankCorrelation.of(e - 1, predicted[e - window : e], measured[e - window : e]) for e in ends
    )
    return [each for each in found if each is not None]
