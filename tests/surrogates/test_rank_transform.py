"""Normal scores of ranks: the order of values, and back to their unit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from torch.distributions import Normal

from bonas.surrogates.outcome_transform import OutcomeTransform, fit_outcome_transform
from bonas.surrogates.rank_transform import RankTransform, fit_rank_transform


def doubles(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_scores_are_normal_quantiles_of_ranks() -> None:
    Y = doubles(5.0, -1e6, 7.0, 6.0)  # ranks 2, 1, 4, 3
    expected = norm.ppf((np.array([2, 1, 4, 3]) - 0.375) / 4.25)
    np.testing.assert_allclose(fit_rank_transform(Y).transform(Y), expected, rtol=1e-12)


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    Y = doubles(1.0, 2.0, 2.0, 3.0)
    scores = fit_rank_transform(Y).transform(Y).tolist()
    assert scores[1] == scores[2] == pytest.approx(0.0, abs=1e-12)
    assert scores[0] == pytest.approx(-scores[3]) == pytest.approx(norm.ppf(0.625 / 4.25))


def test_what_is_better_than_the_best_lies_on_the_chord_from_the_median() -> None:
    # Median (2, 0), best (10, z), another nearly as good: 18 is as far again, however close they
    # are; and the worst is at (1, -z): 0 is as far again below.
    Y = doubles(1.0, 2.0, 10.0)
    z = norm.ppf(2.625 / 3.25)
    transform = fit_rank_transform(Y)
    assert transform.transform(doubles(18.0, 6.0, 0.0)).tolist() == pytest.approx(
        [2 * z, z / 2, -2 * z]
    )
    assert transform.untransform(doubles(3 * z, -3 * z)).tolist() == pytest.approx([26.0, -1.0])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_values_go_to_ranks_and_back_and_keep_their_order(values: list[float]) -> None:
    Y = doubles(*values)
    transform = fit_outcome_transform(Y, "ranks")
    back = transform.unscale(transform.untransform(transform.transform(Y)))
    torch.testing.assert_close(back, Y, rtol=1e-6, atol=1e-6)
    order = Y.argsort()
    assert bool((transform.transform(Y)[order].diff() >= 0).all())


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30, unique=True), st.floats(0.1, 1e3))
def test_scores_know_nothing_of_the_unit(values: list[float], unit: float) -> None:
    Y = doubles(*values)
    if len(set((unit * Y).tolist())) == len(values):
        one, other = (
            fit_outcome_transform(each, "ranks").transform(each) for each in (Y, unit * Y)
        )
        torch.testing.assert_close(one, other)


def test_equal_values_have_no_ranks() -> None:
    Y = doubles(3.0, 3.0, 3.0)
    transform = fit_outcome_transform(Y, "ranks")
    assert isinstance(transform, OutcomeTransform)
    assert transform.transform(Y).tolist() == Y.tolist()


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_values_of_extraordinary_size_stay_finite(size: float) -> None:
    Y = size * doubles(-1.0, 0.5, 1.0)
    transform = fit_outcome_transform(Y, "ranks")
    assert isinstance(transform, RankTransform)
    assert transform.transform(Y).tolist() == pytest.approx(
        fit_rank_transform(doubles(-1.0, 0.5, 1.0)).transform(doubles(-1.0, 0.5, 1.0)).tolist()
    )
    far = transform.unscale(transform.untransform(doubles(-1e6, 1e6)))
    assert bool(far.isfinite().all())
    torch.testing.assert_close(
        transform.unscale(transform.untransform(transform.transform(Y))) / size, Y / size
    )


def test_a_known_variance_is_that_of_the_scores_it_leads_to() -> None:
    """Compare with samples, on a stretch where the transform is a line: five standard errors."""
    Y = doubles(0.0, 10.0, 20.0)
    transform = fit_rank_transform(Y)
    value, variance = doubles(5.0), doubles(0.25)
    n = 100_000
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(n))
    samples = transform.transform(value + 0.5 * noise)
    found = float(transform.transform_variance(value, variance))
    assert abs(float(samples.var()) / found - 1.0) < 5 * math.sqrt(2 / n)
    assert math.isnan(float(transform.transform_variance(value, doubles(math.nan))))


def test_the_upper_half_of_an_untransformed_normal_has_the_quantiles_of_its_samples() -> None:
    transform = fit_rank_transform(doubles(1.0, 2.0, 2.5, 4.0, 9.0))
    mean, variance = doubles(0.2), doubles(0.6)
    median, upper = transform.untransform_marginals(mean, variance)
    n = 100_000
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal(n))
    samples = transform.untransform(mean + variance.sqrt() * noise)
    share = float(Normal(0.0, 1.0).cdf(torch.tensor(1.0)))
    for value, level in ((median, 0.5), (median + upper.sqrt(), share)):
        below = float((samples <= value).double().mean())
        assert abs(below - level) < 5 * math.sqrt(level * (1 - level) / n)
