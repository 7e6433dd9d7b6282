"""Rank correlations against scipy, by hand, and their intervals by sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bonas.supernets.report.rank_correlation import RankCorrelation, advantage, mean_rank

_X = np.random.default_rng(0).integers(12, size=40).astype(float)  # with ties
_Y = _X + np.random.default_rng(1).normal(size=40) * 4


def test_the_correlations_are_those_of_scipy() -> None:
    found = RankCorrelation.of(_X, _Y)
    assert found.spearman.value == pytest.approx(stats.spearmanr(_X, _Y).statistic)
    assert found.kendall.value == pytest.approx(stats.kendalltau(_X, _Y).statistic)
    assert found.n == 40


def test_four_networks_by_hand() -> None:
    # of six pairs one is discordant: tau = (5 - 1) / 6; the ranks differ by 0, 1, -1, 0, so that
    # rho = 1 - 6 * 2 / (4 * 15)
    found = RankCorrelation.of([1, 2, 3, 4], [10, 30, 20, 40])
    assert found.kendall.value == pytest.approx(4 / 6)
    assert found.spearman.value == pytest.approx(0.8)
    assert (found.kendall.low, found.kendall.high) == (-1, 1)  # four are too few for an interval


def test_the_intervals_by_hand() -> None:
    found = RankCorrelation.of(_X, _Y)
    rho, tau = found.spearman.value, found.kendall.value
    z = (math.atanh(found.spearman.high) - math.atanh(rho)) / math.sqrt((1 + rho**2 / 2) / 37)
    assert z == pytest.approx(stats.norm.ppf(0.975))
    z = (math.atanh(tau) - math.atanh(found.kendall.low)) / math.sqrt(0.437 / 36)
    assert z == pytest.approx(stats.norm.ppf(0.975))


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_the_intervals_hold_the_truth_in_95_of_100_samples(rho: float) -> None:
    rng, runs, n = np.random.default_rng(2), 300, 40
    x, e = rng.normal(size=(2, runs, n))
    y = rho * x + math.sqrt(1 - rho**2) * e
    of_normals = 6 / math.pi * math.asin(rho / 2)  # Spearman's rho of a bivariate normal
    tau = 2 / math.pi * math.asin(rho)
    found = [RankCorrelation.of(*pair) for pair in zip(x, y, strict=True)]
    error = 5 * math.sqrt(0.95 * 0.05 / runs)
    for name, truth in (("spearman", of_normals), ("kendall", tau)):
        estimates = [getattr(each, name) for each in found]
        held = np.mean([each.low <= truth <= each.high for each in estimates])
        assert abs(held - 0.95) < error, name


def test_what_is_constant_has_no_correlation() -> None:
    found = RankCorrelation.of([1.0] * 9, range(9))
    assert math.isnan(found.spearman.value)
    assert str(found.kendall) == "not defined"
    assert math.isnan(advantage([1.0] * 9, _Y[:9], _X[:9], seed=0).value)


def test_orders_that_agree_wholly_have_an_interval() -> None:
    found = RankCorrelation.of(range(9), range(9))
    assert found.spearman.value == pytest.approx(1.0)
    assert found.spearman.low <= 1.0


def test_the_advantage_is_the_difference_of_two_correlations() -> None:
    other = np.random.default_rng(3).normal(size=40)
    found = advantage(_X, other, _Y, seed=0)
    expected = stats.spearmanr(_X, _Y).statistic - stats.spearmanr(other, _Y).statistic
    assert found.value == pytest.approx(expected)
    assert found.low < found.value < found.high


def test_the_bootstrap_is_that_of_networks() -> None:
    other = np.random.default_rng(3).normal(size=40)
    rows = np.random.default_rng(7).integers(40, size=(2_000, 40))
    by_loop = [
        stats.spearmanr(_X[i], _Y[i]).statistic - stats.spearmanr(other[i], _Y[i]).statistic
        for i in rows
    ]
    found = advantage(_X, other, _Y, seed=7)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(by_loop, [0.025, 0.975])))


def test_a_score_has_no_advantage_over_itself() -> None:
    found = advantage(_X, _X, _Y, seed=0)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_the_mean_rank_by_hand() -> None:
    assert mean_rank([5, 1, 9], [10, 20, 20]).tolist() == [1.5, 1.75, 2.75]
