"""Outcome transforms: values are stretched where it matters, and come back as they were."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import measured_columns
from torch.distributions import Normal

from bonas.surrogates.outcome_transform import OutcomeTransform, choose_form, fit_outcome_transform
from bonas.surrogates.training_data import standardise


@given(st.lists(st.floats(-1e3, -1e-3), min_size=1, max_size=30))
def test_values_go_through_their_logarithm_and_back(values: list[float]) -> None:
    Y = torch.tensor(values, dtype=torch.float64)
    outcome = fit_outcome_transform(Y, "logarithmic")
    back = outcome.untransform(outcome.transform(Y))
    assert bool((back >= Y - 1e-9 * Y.abs()).all())  # the worst may be raised
    best = Y.argmax()
    assert float(back[best]) == pytest.approx(float(Y[best]))


def test_costs_among_other_objectives_are_logarithmic_and_one_objective_is_regret() -> None:
    latency, accuracy = torch.tensor([-3.0, -0.5]), torch.tensor([90.0, 0.0])
    assert choose_form(latency, alone=False) == "logarithmic"
    assert choose_form(accuracy, alone=False) == choose_form(-accuracy, alone=False) == "plain"
    assert choose_form(latency, alone=True) == choose_form(accuracy, alone=True) == "regret"


def test_regret_stretches_what_lies_near_the_best_value() -> None:
    # best 94, median 90: the ceiling is 94 + 4 / 2 = 96; quartile 89: the floor is 89 - 1.5
    Y = torch.tensor([10.0, 89.0, 90.0, 93.0, 94.0], dtype=torch.float64)
    outcome = fit_outcome_transform(Y, "regret")
    assert outcome.ceiling == pytest.approx(96.0)
    expected = [-math.log(96 - y) for y in (87.5, 89.0, 90.0, 93.0, 94.0)]
    assert outcome.transform(Y).tolist() == pytest.approx(expected)
    assert outcome.untransform(outcome.transform(Y)).tolist() == pytest.approx(
        [87.5, *Y.tolist()[1:]]
    )


def test_equal_values_have_no_regret_to_stretch() -> None:
    Y = torch.full((4,), 3.0, dtype=torch.float64)
    assert fit_outcome_transform(Y, "regret").transform(Y).tolist() == Y.tolist()


def test_very_bad_values_are_raised_to_the_floor() -> None:
    # quartile 70.75, median 91.5: the floor is 70.75 - 1.5 * 20.75 = 39.625
    Y = torch.tensor([10.0, 91.0, 92.0, 93.0], dtype=torch.float64)
    outcome = fit_outcome_transform(Y, "plain")
    assert outcome.floor == pytest.approx(39.625)
    assert outcome.transform(Y).tolist() == pytest.approx([outcome.floor, 91.0, 92.0, 93.0])


def test_a_cost_has_no_floor() -> None:
    """Keep the slowest networks apart: they are an end of the front, which a floor would hide."""
    Y = -torch.tensor([1.0, 1.1, 1.2, 1_000.0], dtype=torch.float64)
    outcome = fit_outcome_transform(Y, "logarithmic")
    torch.testing.assert_close(outcome.untransform(outcome.transform(Y)), Y)


def test_the_upper_half_of_an_untransformed_normal_has_the_quantiles_of_its_samples() -> None:
    """Compare the median and the 84 % quantile, within five standard errors of a quantile."""
    outcome = OutcomeTransform(ceiling=0.0, floor=-math.inf)
    mean, variance = torch.tensor([-1.0]).double(), torch.tensor([0.25]).double()
    n = 100_000
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(n))
    samples = outcome.untransform(mean + variance.sqrt() * noise)
    median, upper = outcome.untransform_marginals(mean, variance)
    share = float(Normal(0.0, 1.0).cdf(torch.tensor(1.0)))
    for value, level in ((median, 0.5), (median + upper.sqrt(), share)):
        below = float((samples <= value).double().mean())
        assert abs(below - level) < 5 * math.sqrt(level * (1 - level) / n)


@given(measured_columns(), st.sampled_from(["plain", "regret", "logarithmic"]))
def test_modelled_values_are_finite_and_keep_their_order(values: list[float], form: Any) -> None:
    Y = torch.tensor(values, dtype=torch.float64)
    if form == "logarithmic":
        Y = -Y.abs().clamp_min(5e-324)
    outcome = fit_outcome_transform(Y, form)
    modelled = outcome.transform(Y)
    assert bool(modelled.isfinite().all())
    order = torch.argsort(Y, stable=True)
    assert bool((modelled[order].diff() >= 0).all())
    data = standardise(torch.zeros(len(Y), 1).double(), modelled.unsqueeze(1))
    assert bool(data.z.isfinite().all())
    spread = 4 * (1 + data.sd)
    far = torch.cat([modelled - spread, modelled + spread])
    median, variance = outcome.untransform_marginals(far, torch.full_like(far, spread))
    assert bool(median.isfinite().all())
    assert bool(variance.isfinite().all())
    assert bool(outcome.unscale(median).isfinite().all())


@given(measured_columns())
def test_known_variances_of_any_size_leave_the_model_finite(values: list[float]) -> None:
    Y = torch.tensor(values, dtype=torch.float64)
    outcome = fit_outcome_transform(Y, choose_form(Y, alone=False))
    for variance in (0.0, 1e-300, 1.0, 1e300, math.inf):
        known = outcome.transform_variance(Y, torch.full_like(Y, variance)).unsqueeze(1)
        data = standardise(
            torch.zeros(len(Y), 1).double(), outcome.transform(Y).unsqueeze(1), known
        )
        assert not bool(data.noise.isinf().any())


@given(st.floats(-1e40, 1e40), st.lists(st.floats(-1e40, 1e40), min_size=1))
def test_ordinary_values_are_not_scaled(first: float, others: list[float]) -> None:
    Y = torch.tensor([1.0, first, *others], dtype=torch.float64)
    assert fit_outcome_transform(Y, "plain").scale == 1.0
