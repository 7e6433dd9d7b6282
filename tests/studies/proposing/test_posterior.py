"""Posteriors: one model per objective, over transformed values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from botorch.models.model import Model
from torch import Tensor

from bonas.encoders import Layout
from bonas.studies.proposing.posterior import fit_posteriors, with_measurements
from bonas.surrogates import GraphGP, Surrogate, fit_forest, fit_graph_gp, fit_mixture


def test_a_noisy_value_moves_the_posterior_less() -> None:
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.standard_normal((12, 2)))
    layout = Layout({"block": slice(0, 2)}, {})
    Y = torch.stack([90.0 + X[:, 0], -torch.exp(X[:, 1])], dim=1)
    Y[0, 0] = 80.0  # an outlier
    noise = torch.full_like(Y, torch.nan)
    sure, _ = fit_posteriors(fit_graph_gp, X, Y, layout, 0, noise=noise).predict(X)
    noise[0, 0] = 100.0
    unsure, _ = fit_posteriors(fit_graph_gp, X, Y, layout, 0, noise=noise).predict(X)
    assert float(unsure[0, 0]) > float(sure[0, 0]) + 1.0


def test_an_objective_learns_from_the_points_at_which_it_was_measured() -> None:
    """The model of each objective is that of its own rows, whatever the others lack."""
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.standard_normal((14, 2)))
    layout = Layout({"block": slice(0, 2)}, {})
    Y = torch.stack([90.0 + X[:, 0], -torch.exp(X[:, 1])], dim=1)
    Y[[3, 7, 12], 0] = torch.nan
    Y[5, 1] = torch.nan
    found = fit_posteriors(fit_graph_gp, X, Y, layout, 0).predict(X)
    for j in range(2):
        rows = ~Y[:, j].isnan()
        own = torch.stack([Y[rows, j], Y[rows, j]], dim=1)  # two, so that none is log regret
        alone = fit_posteriors(fit_graph_gp, X[rows], own, layout, 0).predict(X)
        for part, expected in zip(found, alone, strict=True):
            torch.testing.assert_close(part[:, j], expected[:, 0])


def test_values_that_are_missing_are_fitted_again_only_when_data_change() -> None:
    rng = np.random.default_rng(1)
    X = torch.from_numpy(rng.standard_normal((12, 2)))
    layout = Layout({"block": slice(0, 2)}, {})
    Y = torch.stack([90.0 + X[:, 0], -torch.exp(X[:, 1])], dim=1)
    Y[2, 0] = torch.nan
    first = fit_posteriors(fit_graph_gp, X, Y, layout, 0)
    assert fit_posteriors(fit_graph_gp, X, Y.clone(), layout, 0, first).refit is first.refit
    measured = Y.clone()
    measured[2, 0] = 91.0
    assert fit_posteriors(fit_graph_gp, X, measured, layout, 0, first).refit is not first.refit


LAYOUT = Layout({"block": slice(0, 2)}, {})


def _accuracy_and_latency(n: int) -> tuple[Tensor, Tensor]:
    """Return encodings and oriented values of two objectives."""
    X = torch.from_numpy(np.random.default_rng(2).standard_normal((n, 2)))
    return X, torch.stack([90.0 + X.sum(1).sin(), -torch.exp(X[:, 1])], dim=1)


@pytest.mark.parametrize("surrogate", [fit_graph_gp, fit_forest])
def test_posteriors_that_grew_are_those_fitted_afresh(surrogate: Surrogate) -> None:
    """Grow across refits, with a model that keeps hyper-parameters and one that cannot."""
    X, Y = _accuracy_and_latency(34)
    grown = None
    for n in (30, 31, 32, 33, 34):
        grown = fit_posteriors(surrogate, X[:n], Y[:n], LAYOUT, 0, grown)
    afresh = fit_posteriors(surrogate, X, Y, LAYOUT, 0)
    assert grown is not None
    for one, other in zip(grown.marginals(X), afresh.marginals(X), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_hyper_parameters_are_kept_between_refits() -> None:
    X, Y = _accuracy_and_latency(33)
    first = fit_posteriors(fit_graph_gp, X[:30], Y[:30], LAYOUT, 0)
    kept = fit_posteriors(fit_graph_gp, X[:32], Y[:32], LAYOUT, 0, first)
    refitted = fit_posteriors(fit_graph_gp, X, Y, LAYOUT, 0, kept)
    assert kept.refit is first.refit
    assert refitted.refit is not kept.refit
    for each, before in zip(kept.objectives, first.objectives, strict=True):
        assert isinstance(each.model, GraphGP)
        assert isinstance(before.model, GraphGP)
        assert torch.equal(each.model.theta, before.model.theta)
        assert len(each.model.data.X) == 32


def test_measured_values_have_mean_zero_and_deviation_one_on_the_scale_of_the_posteriors() -> None:
    X, Y = _accuracy_and_latency(20)
    several = fit_posteriors(fit_graph_gp, X, Y, LAYOUT, 0)
    alone = fit_posteriors(fit_graph_gp, X, Y[:, :1], LAYOUT, 0)
    for found, values in ((several, Y), (alone, Y[:, :1])):
        scaled = torch.stack([found.scale_reference_point(row) for row in values])
        floored = scaled.clamp_min(-1e3)  # the floor raises the worst of one objective
        assert float(floored.mean(0).abs().max()) < 0.1
        assert float((floored.std(0, correction=0) - 1.0).abs().max()) < 0.1


def test_a_reference_point_is_never_absurdly_far_away() -> None:
    X, Y = _accuracy_and_latency(20)
    several = fit_posteriors(fit_graph_gp, X, Y, LAYOUT, 0)
    far = torch.tensor([-1e300, 1e300], dtype=torch.float64)
    assert several.scale_reference_point(far).tolist() == [-1e6, 1e6]
    alone = fit_posteriors(fit_graph_gp, X, Y[:, :1], LAYOUT, 0)
    above = Y[:, :1].max(0).values + 1e3  # above the ceiling of the regret
    assert alone.scale_reference_point(above).tolist() == [1e6]


def test_constant_values_have_a_unit_of_one() -> None:
    X, Y = _accuracy_and_latency(12)
    Y[:, 0] = 3.0
    found = fit_posteriors(fit_graph_gp, X, Y, LAYOUT, 0)
    assert float(found.unit[0]) == 1.0
    assert bool(torch.cat(found.marginals(X)).isfinite().all())


@pytest.mark.parametrize("m", [1, 2])
def test_samples_have_the_medians_of_the_marginals(m: int) -> None:
    """Count the samples below the medians, within five standard errors."""
    X, Y = _accuracy_and_latency(16)
    found = fit_posteriors(fit_graph_gp, X, Y[:, :m], LAYOUT, 0)
    points, s = X[:4] + 0.5, 1_000
    samples, (median, _) = found.sample(points, s, seed=3), found.marginals(points)
    assert samples.shape == (s, 4, m)
    below = (samples <= median).double().mean(0)
    assert float((below - 0.5).abs().max()) < 5 * (0.25 / s) ** 0.5
    assert torch.equal(samples, found.sample(points, s, seed=3))


def test_each_objective_has_the_weights_of_its_own_mixture() -> None:
    X, Y = _accuracy_and_latency(16)
    members = (fit_graph_gp, fit_forest)

    def mixture(X: Tensor, Y: Tensor, layout: Layout, seed: int) -> Model:
        return fit_mixture(X, Y, layout, seed, members=members)

    weights = fit_posteriors(mixture, X, Y, LAYOUT, 0).weights
    assert [len(each) for each in weights] == [2, 2]
    assert all(sum(each) == pytest.approx(1.0) for each in weights)
    assert fit_posteriors(fit_graph_gp, X, Y, LAYOUT, 0).weights == [[], []]


def test_objectives_get_seeds_and_priors_of_their_own() -> None:
    X, Y = _accuracy_and_latency(8)
    calls: list[tuple[int, list[str]]] = []

    def recorded(train_X: Tensor, train_Y: Tensor, layout: Layout, seed: int) -> Model:
        calls.append((seed, list(layout.architecture)))
        return fit_graph_gp(train_X, train_Y, layout)

    layout = Layout({"one": slice(0, 1)}, {}, (None, slice(1, 2)))
    fit_posteriors(recorded, X, Y, layout, 5)
    assert calls == [(5, ["one"]), (6, ["one", "prior"])]


def test_posteriors_that_grew_past_a_contradiction_are_those_made_afresh() -> None:
    X = torch.randn(33, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    Y = -torch.stack([X[:, 0].exp(), X[:, 1].exp()], dim=1)
    Y[31, 1] = 0.0
    layout = Layout({"one_hot": slice(0, 3)}, {})
    grown = None
    for n in (30, 31, 32):
        grown = fit_posteriors(fit_graph_gp, X[:n], Y[:n], layout, 0, grown)
        fresh = fit_posteriors(fit_graph_gp, X[:n], Y[:n], layout, 0)
        for one, other in zip(grown.marginals(X), fresh.marginals(X), strict=True):
            torch.testing.assert_close(one, other)
    assert [each.outcome_transform.ceiling for each in fresh.objectives] == [0.0, None]


@pytest.mark.parametrize("surrogate", [fit_graph_gp, fit_forest])
def test_measured_values_teach_the_model_of_their_objective_alone(surrogate: Surrogate) -> None:
    X, Y = _accuracy_and_latency(40)
    trials = X[:12], Y[:12], torch.full((12, 2), torch.nan).double()
    before = fit_posteriors(surrogate, X[:12], Y[:12], LAYOUT, 0)
    after = with_measurements(before, surrogate, trials, {1: (X[12:], Y[12:, 1])}, LAYOUT, 0)
    assert after.objectives[0] is before.objectives[0]
    wrong = [(each.predict(X[12:])[0][:, 1] - Y[12:, 1]).abs().mean() for each in (before, after)]
    assert float(wrong[1]) < 0.5 * float(wrong[0])


def test_a_model_keeps_its_hyperparameters_when_it_learns_measured_values() -> None:
    X, Y = _accuracy_and_latency(40)
    trials = X[:12], Y[:12], torch.full((12, 2), torch.nan).double()
    before = fit_posteriors(fit_graph_gp, X[:12], Y[:12], LAYOUT, 0)
    after = with_measurements(before, fit_graph_gp, trials, {1: (X[12:], Y[12:, 1])}, LAYOUT, 0)
    models = [each.objectives[1].model for each in (before, after)]
    assert all(isinstance(model, GraphGP) for model in models)
    one, other = (model.hyperparameters for model in models if isinstance(model, GraphGP))
    assert one == other
    again = fit_posteriors(fit_graph_gp, X[:12], Y[:12], LAYOUT, 0, before)
    for part, expected in zip(again.predict(X), before.predict(X), strict=True):
        torch.testing.assert_close(part, expected)


def test_a_measured_value_that_has_no_logarithm_changes_the_form() -> None:
    X, Y = _accuracy_and_latency(14)
    trials = X[:12], Y[:12], torch.full((12, 2), torch.nan).double()
    before = fit_posteriors(fit_graph_gp, X[:12], Y[:12], LAYOUT, 0)
    zero = torch.zeros(2, dtype=torch.float64)
    after = with_measurements(before, fit_graph_gp, trials, {1: (X[12:], zero)}, LAYOUT, 0)
    assert before.objectives[1].outcome_transform.ceiling == 0.0
    assert after.objectives[1].outcome_transform.ceiling is None
    assert after.predict(X)[0].isfinite().all()
