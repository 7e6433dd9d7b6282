"""The fit to final values and lower fidelities: gradient, what is learnt and what is not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from gpytorch.distributions import MultivariateNormal

import bonas.surrogates.coregionalised_fit as module
from bonas.encoders import Layout
from bonas.surrogates import CoregionalisedGP, GraphGP, LowerFidelity, fit_graph_gp
from bonas.surrogates.coregionalised_fit import negative_log_likelihood
from bonas.surrogates.coregionalised_gp import stack
from bonas.surrogates.coregionalised_kernel import CoregionalisedKernel
from bonas.surrogates.kernel import BlockKernel
from bonas.surrogates.training_data import standardise
from tests.surrogates.partial_trainings import EXPECTED, LAYOUT, Trainings, trainings


def _error(model: GraphGP, given: Trainings) -> float:
    return float((model.marginals(given.unseen)[0] - given.truth).square().mean().sqrt())


def _both(given: Trainings) -> tuple[GraphGP, CoregionalisedGP]:
    joint = fit_graph_gp(given.X, given.Y, LAYOUT, lower=given.lower)
    assert isinstance(joint, CoregionalisedGP)
    return fit_graph_gp(given.X, given.Y, LAYOUT), joint


@pytest.mark.parametrize("layout", [LAYOUT, EXPECTED], ids=["nothing expected", "expected"])
def test_the_written_out_gradient_is_that_of_autograd(layout: Layout) -> None:
    given = trainings(6, 4, told=0.6, noise=0.2)
    Y = torch.cat([given.lower.Y, given.lower.Y.square()], dim=1)
    Y[2, 1] = torch.nan
    lower = LowerFidelity(given.lower.X, Y, given.lower.final, (0.1, 0.3))
    known = torch.full_like(given.Y, torch.nan)
    known[1] = 0.2  # the variance of one final value is known
    data = standardise(given.X, given.Y, known)
    base = BlockKernel(layout, [(block, "matern12") for block in layout.architecture])
    kernel = CoregionalisedKernel(base, (0.1, 0.3))
    stacked = stack(data, lower, torch.zeros(2, dtype=torch.float64))
    distances = base.distances(stacked.rows.X, stacked.rows.X)
    n = len(kernel.names)
    point = torch.from_numpy(np.random.default_rng(0).normal(0, 0.5, n + 3))
    value, gradient = negative_log_likelihood(kernel, distances, stacked, point)

    point.requires_grad_()
    K = kernel.covariance(point[:n], stacked.rows.X, stacked.rows.X)
    noise = point[n:].exp()[stacked.output]
    noise = torch.where(torch.arange(len(noise)) == 1, data.noise[1], noise)
    K = K + torch.diag(noise + 1e-6)
    z = stacked.rows.z.squeeze(1)
    shares = torch.cat([torch.ones(1), point[len(base.names) : len(base.names) + 2]])
    slopes = torch.tensor([[0.4, -0.3] if layout is EXPECTED else [0.0, 0.0]], dtype=torch.float64)
    mean = shares[stacked.output] * (stacked.rows.X[:, 2:4] @ slopes.T).squeeze(1)
    density = MultivariateNormal(mean, K).log_prob(z)
    (expected,) = torch.autograd.grad(-density, point)
    assert len(z) == 6 + 10 + 9
    constant = 0.5 * len(z) * math.log(2 * math.pi)
    assert value == pytest.approx(-density.item() - constant, rel=1e-6)
    np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("sign", [1, -1], ids=["the same order", "the opposite order"])
def test_values_that_tell_everything_teach_nearly_as_much_as_final_ones(sign: int) -> None:
    errors = []
    for seed in range(4):
        given = trainings(10, 60, seed=seed)
        lower = replace(given.lower, Y=sign * given.lower.Y)
        alone, joint = _both(replace(given, lower=lower))
        every = fit_graph_gp(given.lower.X, given.lower.Y, LAYOUT)  # all 70 had been finished
        assert sign * joint.correlations[0.1] > 0.9
        errors.append([_error(model, given) for model in (alone, joint, every)])
    of_finished, of_both, of_all = np.mean(errors, axis=0)
    assert of_both < 0.75 * of_finished
    assert of_both < 1.25 * of_all


@pytest.mark.parametrize("seed", range(4))
def test_values_that_tell_nothing_do_no_harm(seed: int) -> None:
    given = trainings(25, 50, told=0.0, noise=0.3, seed=seed)
    alone, joint = _both(given)
    assert abs(joint.correlations[0.1]) < 0.35
    assert _error(joint, given) < 1.1 * _error(alone, given)


def test_the_worst_are_recognised_though_none_of_them_was_finished() -> None:
    given = trainings(0, 60, noise=0.05)
    order = torch.argsort(given.lower.Y[:, 0], descending=True)
    finished = order[:20]
    rows = torch.full((60,), -1)
    rows[finished] = torch.arange(20)
    X, final = given.lower.X, trainings(0, 60).lower.Y
    lower = LowerFidelity(X, given.lower.Y, rows, (0.1,))
    joint = fit_graph_gp(X[finished], final[finished], LAYOUT, lower=lower)
    alone = fit_graph_gp(X[finished], final[finished], LAYOUT)
    assert _error(joint, given) < 0.6 * _error(alone, given)


def test_few_finished_trainings_or_none_stopped_leave_the_ordinary_process() -> None:
    few, none = trainings(4, 30), trainings(12, 0)
    for given in (few, none):
        model = fit_graph_gp(given.X, given.Y, LAYOUT, lower=given.lower)
        ordinary = fit_graph_gp(given.X, given.Y, LAYOUT)
        assert type(model) is GraphGP
        assert model.hyperparameters == ordinary.hyperparameters


def test_hyper_parameters_of_many_rows_are_fitted_to_whole_trainings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_FITTED", 20)
    given = trainings(20, 20, told=0.8)  # 60 rows: those of each third training are fitted to
    Y = given.Y.clone()
    Y[1] += 0.01
    Y[2] -= 0.01  # keeps the mean; the deviation changes a little
    one = fit_graph_gp(given.X, given.Y, LAYOUT, lower=given.lower)
    other = fit_graph_gp(given.X, Y, LAYOUT, lower=given.lower)
    assert one.hyperparameters == pytest.approx(other.hyperparameters, rel=0.05)
    assert isinstance(one, CoregionalisedGP)
    assert len(one.stacked.rows.X) == 60
    monkeypatch.setattr(module, "_FITTED", 300)
    whole = fit_graph_gp(given.X, given.Y, LAYOUT, lower=given.lower)
    assert whole.hyperparameters != pytest.approx(one.hyperparameters, rel=0.05)


def test_the_values_by_name_are_those_of_the_fit() -> None:
    _, joint = _both(trainings(12, 12, told=0.8))
    found = joint.hyperparameters
    assert found["shared with 0.1"] == float(joint.theta[joint.kernel.first])
    assert found["variance of 0.1 alone"] == pytest.approx(math.exp(float(joint.theta[-1])))
    assert found["noise of 0.1"] == pytest.approx(math.exp(float(joint.log_noises[0])))


def test_an_expected_prior_leads_with_stopped_trainings_and_gives_way() -> None:
    def slope(finished: int, layout: Layout) -> float:
        given = trainings(finished, 12, told=0.3, noise=0.3)
        wrong = given.X[:, :1].sin()  # of which the prior says nothing
        lower = replace(given.lower, Y=given.lower.X[:, 1:2])
        joint = fit_graph_gp(given.X, wrong, layout, lower=lower)
        assert isinstance(joint, CoregionalisedGP)
        raised = given.unseen + torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=torch.float64)
        moved = joint.marginals(raised)[0] - joint.marginals(given.unseen)[0]
        return float(moved.mean()) / joint.data.sd

    expected = Layout(EXPECTED.architecture, {}, slopes=((0.5, 0.1),))
    unknown = Layout(EXPECTED.architecture, {})
    assert slope(5, expected) > slope(5, unknown) + 0.1
    assert abs(slope(80, expected)) < 0.1


def test_where_nothing_is_expected_no_digit_changes() -> None:
    given = trainings(9, 7, told=0.5, noise=0.2)
    without = Layout(EXPECTED.architecture, {})
    nothing = Layout(EXPECTED.architecture, {}, slopes=((0.0, 0.0),))
    one, other = (fit_graph_gp(given.X, given.Y, x, lower=given.lower) for x in (without, nothing))
    assert torch.equal(one.theta, other.theta)
    assert torch.equal(one.marginals(given.unseen)[0], other.marginals(given.unseen)[0])
