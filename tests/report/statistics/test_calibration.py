import numpy as np
import pytest
from scipy.stats import binom, norm, rankdata

from bonas.report.statistics.calibration import LEVELS, Calibration, RankCorrelation, correlations


def drawn(n: int, too_sure: float = 1.0, seed: int = 0) -> Calibration:
    rng = np.random.default_rng(seed)
    mean, sd = rng.standard_normal(n), rng.uniform(0.5, 2.0, n)
    return Calibration(mean + too_sure * sd * rng.standard_normal(n), mean, sd)


def test_covered_values_lie_between_the_quantiles_of_their_predictions() -> None:
    found = drawn(200)
    for level in (0.5, 0.8, 0.95):
        low, high = norm.interval(level, found.mean, found.sd)
        assert found.covered(level) == sum(
            a <= y <= b for a, y, b in zip(low, found.measured, high, strict=True)
        )


def test_right_predictions_cover_what_they_promise() -> None:
    n, found = 20_000, drawn(20_000)
    for level in LEVELS:
        error = np.sqrt(level * (1 - level) / n)
        assert abs(found.covered(level) / n - level) < 5 * error
    assert found.standardised_error == pytest.approx(1.0, abs=5 / np.sqrt(2 * n))


def test_predictions_that_are_too_sure_cover_less() -> None:
    found = drawn(500, too_sure=2.0)
    low, _ = found.by_chance(0.8)
    assert found.covered(0.8) < low
    assert found.standardised_error == pytest.approx(2.0, rel=0.15)


def test_chance_leaves_five_in_a_hundred_outside() -> None:
    found = drawn(40)
    low, high = found.by_chance(0.8)
    inside = binom.cdf(high, 40, 0.8) - binom.cdf(low - 1, 40, 0.8)
    assert 0.95 <= inside < 0.99
    assert binom.cdf(high - 1, 40, 0.8) - binom.cdf(low, 40, 0.8) < 0.95


def test_rank_correlation_is_that_of_the_ranks() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(25)
    y = x + rng.standard_normal(25)
    found = RankCorrelation.of(24, x, y)
    assert found is not None
    assert found.value == pytest.approx(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
    assert -1 <= found.low < found.value < found.high <= 1


def test_the_interval_of_a_rank_correlation_holds_the_truth_in_95_of_100_cases() -> None:
    rng, rho, held, R = np.random.default_rng(0), 0.6, 0, 1_000
    truth = 6 / np.pi * np.arcsin(rho / 2)  # Spearman's of a normal distribution
    for _ in range(R):
        x = rng.standard_normal(30)
        found = RankCorrelation.of(29, x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(30))
        assert found is not None
        held += found.low <= truth <= found.high
    assert abs(held / R - 0.95) < 0.025


def test_windows_end_at_the_latest_value_and_equal_values_have_no_correlation() -> None:
    x = np.arange(50.0)
    found = correlations(x, x, window=10, most=7)
    assert len(found) == 7
    assert (found[0].end, found[-1].end) == (9, 49)
    assert correlations(x, np.ones(50), window=10) == []
    assert correlations(x[:5], x[:5], window=10) == []
