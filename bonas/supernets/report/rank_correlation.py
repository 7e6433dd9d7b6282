r"""Rank correlation: whether one number of networks orders them as another one does.

    rho = Pearson's correlation of the ranks        tau = tau-b, which leaves out tied pairs
    atanh(rho) +- z sqrt((1 + rho^2 / 2) / (n - 3))        atanh(tau) +- z sqrt(0.437 / (n - 4))

with z = 1.96 for intervals of 95 %, over ``n`` networks. Whether x orders them better than x' does
is another question than whether the two intervals overlap, since both are of the same networks: the
interval of rho(x, y) - rho(x', y) is that of the bootstrap over networks.

Sources: Bonett and Wright (2000), "Sample size requirements for estimating Pearson, Kendall and
Spearman correlations", Psychometrika; Efron and Tibshirani (1993), "An introduction to the
bootstrap", chapter 13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]

_Z = 1.959964  # the 97.5 % point of a normal distribution
_DRAWS = 2_000
_CERTAIN = 1 - 1e-9  # above, atanh is infinite


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with an interval of 95 %; NaN where it is not defined."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not defined"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Spearman's rho and Kendall's tau-b between two numbers per network.

    Attributes:
        spearman: NaN where one of the two is the same for all networks.
        kendall: The same.
        n: How many networks.
    """

    spearman: Estimate
    kendall: Estimate
    n: int

    @classmethod
    def of(cls, x: Sequence[float] | Array, y: Sequence[float] | Array) -> RankCorrelation:
        """Return how ``n`` numbers agree with ``n`` others."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        n = len(x)
        if n < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
            undefined = Estimate(math.nan, -1.0, 1.0)
            return cls(undefined, undefined, n)
        rho = float(stats.spearmanr(x, y).statistic)
        tau = float(stats.kendalltau(x, y).statistic)
        return cls(spearman_interval(rho, n), _fisher(tau, 0.437, n - 4), n)


def spearman_interval(rho: float, n: int) -> Estimate:
    """Return a Spearman correlation of ``n`` networks with its interval."""
    return _fisher(rho, 1 + rho**2 / 2, n - 3)


def advantage(
    x: Sequence[float] | Array,
    other: Sequence[float] | Array,
    y: Sequence[float] | Array,
    seed: int,
) -> Estimate:
    """Return by how much Spearman's rho of ``x`` with ``y`` exceeds that of ``other``.

    NaN where one of them is not defined. ``seed`` is that of the bootstrap over the networks.
    """
    columns = np.stack([np.asarray(each, np.float64) for each in (x, other, y)])
    rho, of_other = spearmans(columns[None])[0].tolist()
    if math.isnan(rho - of_other):
        return Estimate(math.nan, -2.0, 2.0)
    n = columns.shape[1]
    rows = np.random.default_rng(seed).integers(n, size=(_DRAWS, n))
    rhos = spearmans(columns[:, rows].swapaxes(0, 1))
    differences = rhos[:, 0] - rhos[:, 1]
    low, high = np.nanquantile(differences, [0.025, 0.975])
    return Estimate(rho - of_other, float(low), float(high))


def mean_rank(*numbers: Sequence[float] | Array) -> Array:
    """Return the mean of each network's ranks by several numbers, more is better in all."""
    found: Array = np.mean([stats.rankdata(each) for each in numbers], axis=0)
    return found


def _fisher(r: float, variance: float, freedom: int) -> Estimate:
    """Return a correlation with its interval, of that variance times ``freedom`` after atanh."""
    if freedom < 1:
        return Estimate(r, -1.0, 1.0)
    centre = math.atanh(max(-_CERTAIN, min(_CERTAIN, r)))
    half = _Z * math.sqrt(variance / freedom)
    return Estimate(r, math.tanh(centre - half), math.tanh(centre + half))


def spearmans(columns: Array) -> Array:
    """Return rho of the first and the second of three columns with the third, ``draws x 2``.

    ``columns`` is ``draws x 3 x n``. NaN where a column is constant.
    """
    ranks = stats.rankdata(columns, axis=-1)
    centred = ranks - ranks.mean(axis=-1, keepdims=True)
    y = centred[:, 2:]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = (centred[:, :2] * y).sum(-1) / np.sqrt(
            (centred[:, :2] ** 2).sum(-1) * (y**2).sum(-1)
        )
    return found
