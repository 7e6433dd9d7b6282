"""The statistics of a comparison: intervals, paired tests, their correction, and ranks.

Seeds are the sample. Two methods with the same seed observe the same recordings, so they are
compared pair by pair; less is better everywhere.

Source: Efron (1987), "Better bootstrap confidence intervals", JASA 82; Wilcoxon (1945), "Individual
comparisons by ranking methods", Biometrics 1; Holm (1979), "A simple sequentially rejective
multiple test procedure", Scandinavian Journal of Statistics 6; Demšar (2006), "Statistical
comparisons of classifiers over multiple data sets", JMLR 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from bonas.benchmarks.tables.scale import Array

FEWEST = 6  # pairs: with five, no two-sided p-value of the signed-rank test is below 0.05
_RESAMPLES = 5_000
_BATCH = 500  # of them in memory at once
_SAME = 1e-12  # values that differ by less, relative to the largest, differ by rounding only


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """A mean and its 95 % confidence interval.

    All are NaN without values; the interval is NaN with a single one.
    """

    mean: Array
    low: Array
    high: Array
    n: int


def mean_interval(values: npt.ArrayLike, *, seed: int = 0) -> Interval:
    """Return the mean over the first axis of ``n x ...`` finite values, by the BCa bootstrap.

    Equal values give an interval of width 0.

    >>> interval = mean_interval([1.0, 2.0, 3.0, 4.0])
    >>> float(interval.mean), bool(interval.low < 2.5 < interval.high)
    (2.5, True)
    """
    sample = np.asarray(values, np.float64)
    n, shape = len(sample), sample.shape[1:]
    columns = sample.reshape(n, -1) if n else np.full((1, int(np.prod(shape))), np.nan)
    mean = columns.mean(0)
    low, high = (mean.copy() if n > 1 else np.full_like(mean, np.nan) for _ in range(2))
    spread = np.ptp(columns, axis=0) > _SAME * np.abs(columns).max(0)
    if n > 1 and spread.any():
        found = stats.bootstrap(
            (columns[:, spread],),
            np.mean,
            axis=0,
            n_resamples=_RESAMPLES,
            batch=_BATCH,
            method="BCa",
            rng=seed,
        ).confidence_interval
        low[spread], high[spread] = found.low, found.high
    return Interval(mean.reshape(shape), low.reshape(shape), high.reshape(shape), n)


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The test of a baseline against another method.

    Attributes:
        pairs: The number of seeds that both have.
        effect: The rank-biserial correlation: 1 where the baseline has the smaller value in every
            pair, -1 where the other has, 0 where neither is better.
        p: The two-sided p-value; NaN with fewer than ``FEWEST`` pairs.
        adjusted: The p-value after Holm's correction over a family of tests.
    """

    pairs: int
    effect: float
    p: float
    adjusted: float = float("nan")


def paired_test(baseline: npt.ArrayLike, other: npt.ArrayLike) -> PairedTest:
    """Apply Wilcoxon's signed-rank test to ``n`` pairs; a pair with a NaN does not count.

    The ranks of equal pairs are split between both sides (scipy's ``zsplit``): they count as
    evidence for no difference instead of being dropped. Exact up to 13 pairs, and up to 50 without
    ties.

    >>> test = paired_test([1, 2, 3, 4, 5, 6], [2, 4, 6, 8, 10, 12])
    >>> test.pairs, test.effect, round(test.p, 5)  # 2 of 2 ** 6 assignments of signs
    (6, 1.0, 0.03125)
    """
    difference = np.asarray(other, np.float64) - np.asarray(baseline, np.float64)
    difference = difference[np.isfinite(difference)]
    n = len(difference)
    ranks = stats.rankdata(np.abs(difference))
    effect = float((np.sign(difference) * ranks).sum() / ranks.sum()) if n else 0.0
    if n < FEWEST:
        return PairedTest(n, effect, float("nan"))
    p = float(stats.wilcoxon(difference, zero_method="zsplit").pvalue)
    return PairedTest(n, effect, p)


def holm(p_values: Sequence[float]) -> Array:
    """Correct p-values for multiple testing; NaN stands for no test, and stays NaN.

    The ``i``-th smallest of ``k`` is multiplied by ``k - i + 1``, and never falls below the one
    before it.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, np.float64)
    adjusted = p.copy()
    order = np.argsort(p)[: int(np.isfinite(p).sum())]  # NaN comes last
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def mean_ranks(scores: npt.ArrayLike) -> Array:
    """Return the mean rank of each method from ``methods x problems`` scores; 1 is the smallest.

    Equal scores share the mean of their ranks, NaN is not ranked. A method without scores has the
    rank NaN.

    >>> mean_ranks([[1.0, 5.0], [1.0, 2.0], [3.0, 9.0]]).tolist()
    [1.75, 1.25, 3.0]
    """
    ranks = stats.rankdata(np.asarray(scores, np.float64), axis=0, nan_policy="omit")
    ranked = np.isfinite(ranks).sum(1)
    return np.where(ranked, np.nansum(ranks, axis=1) / np.maximum(ranked, 1), np.nan)
