r"""Rank agreement: whether the short trainings of a search rank networks as long ones do.

    tau = (concordant - discordant pairs) / sqrt(pairs untied in x * pairs untied in y)

Kendall, "A new measure of rank correlation", 1938 (tau-b). The 95 % interval inverts a test: it
holds each tau_0 under which a tau as far out as the observed one has a probability of 2.5 % or more
on either side, for pairs from a bivariate normal distribution of correlation
sin(pi tau_0 / 2). Probabilities are simulated, so that the interval holds for three networks as for
a hundred; for three it is wide, as it should be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Numbers = npt.NDArray[np.float64]

_TAIL = 0.025
_DRAWS = 4_000
_GRID = np.linspace(-0.99, 0.99, 100)  # of tau_0
_ROUNDING = 1e-9
_MOST = 40  # networks for which the interval is simulated
_VARIANCE = 0.437  # of atanh(tau), times n - 4: Fieller, Hartley and Pearson, Biometrika, 1957


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """Kendall's tau between the values of a search and those of full trainings.

    The finalists are the best of a search, which differ little: tau is lower among them than it
    would be among all its networks.

    Attributes:
        tau: Kendall's tau-b; NaN if all values on one side are equal.
        interval: Of 95 %.
        n: The number of networks.
    """

    tau: float
    interval: tuple[float, float]
    n: int

    @classmethod
    def of(cls, short: Sequence[float], full: Sequence[float]) -> RankAgreement | None:
        """Return the agreement of two values per network; None for fewer than two networks."""
        n = len(short)
        if n < 2:
            return None
        tau = float(stats.kendalltau(short, full).statistic)
        if math.isnan(tau):
            return cls(tau, (-1.0, 1.0), n)
        interval = _simulated(tau, n) if n <= _MOST else _approximated(tau, n)
        return cls(tau, interval, n)

    def __str__(self) -> str:
        low, high = self.interval
        if math.isnan(self.tau):
            return f"not defined, since all of {self.n} networks have one value"
        return f"{self.tau:.2f} [{low:.2f}, {high:.2f}] over {self.n} networks"


def _simulated(tau: float, n: int) -> tuple[float, float]:
    draws = np.random.default_rng(0)
    x, noise = draws.normal(size=(2, _DRAWS, n))
    order = np.argsort(x, axis=1)  # rows sorted by x, so that tau counts the ascents of y
    x, noise = (np.take_along_axis(part, order, axis=1) for part in (x, noise))
    least, most = np.empty((2, len(_GRID)))
    for i, one in enumerate(_GRID):
        rho = math.sin(math.pi * one / 2)
        found = _taus(rho * x + math.sqrt(1 - rho**2) * noise)
        least[i] = np.mean(found >= tau - _ROUNDING)  # grows with tau_0
        most[i] = np.mean(found <= tau + _ROUNDING)  # falls
    above, below = _GRID[least >= _TAIL], _GRID[most >= _TAIL]
    low = -1.0 if not len(above) or above[0] == _GRID[0] else float(above[0])
    high = 1.0 if not len(below) or below[-1] == _GRID[-1] else float(below[-1])
    return low, high


def _taus(y: Numbers) -> Numbers:
    """Return the tau of each row with 1, 2, ..., n."""
    n, total = y.shape[1], np.zeros(len(y))
    for lag in range(1, n):
        total += np.sign(y[:, lag:] - y[:, :-lag]).sum(axis=1)
    found: Numbers = total / (n * (n - 1) / 2)
    return found


def _approximated(tau: float, n: int) -> tuple[float, float]:
    half = stats.norm.ppf(1 - _TAIL) * math.sqrt(_VARIANCE / (n - 4))
    centre = math.atanh(min(max(tau, -0.999), 0.999))
    return math.tanh(centre - half), math.tanh(centre + half)
