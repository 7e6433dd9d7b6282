"""The Gaussian process over blocks: posterior, conditioning, leave one out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from bonas.encoders import Layout
from bonas.surrogates import (
    GraphGP,
    Surrogate,
    fit_graph_gp,
)
from bonas.testing import SurrogateContract

LAYOUT = Layout(
    {"one": slice(0, 2), "two": slice(2, 5)}, {"rate": slice(5, 6), "kind": slice(6, 8)}
)


def _points(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 8)))


class TestGraphGP(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return fit_graph_gp


def test_the_gp_posterior_is_the_textbook_formula() -> None:
    X, Z = _points(9), _points(4, seed=5)
    Y = X[:, :1] + 2.0
    gp = fit_graph_gp(X, Y, LAYOUT)
    kernel, theta = gp.kernel, gp.theta
    noise = math.exp(gp.log_noise) + 1e-6
    Kxx = kernel.matrix(theta, kernel.distances(X, X)) + noise * torch.eye(9, dtype=torch.float64)
    Kzx = kernel.matrix(theta, kernel.distances(Z, X))
    Kzz = kernel.matrix(theta, kernel.distances(Z, Z))
    y = (Y - Y.mean()) / Y.std(correction=0)
    mean = Y.mean() + Y.std(correction=0) * (Kzx @ torch.linalg.inv(Kxx) @ y)
    covariance = Y.var(correction=0) * (Kzz - Kzx @ torch.linalg.inv(Kxx) @ Kzx.T)
    posterior = gp.posterior(Z)
    torch.testing.assert_close(posterior.mean, mean)
    torch.testing.assert_close(
        posterior.distribution.covariance_matrix, covariance, rtol=1e-4, atol=1e-4
    )


def test_values_whose_variance_is_known_get_that_noise() -> None:
    X, Z = _points(9), _points(4, seed=5)
    Y = X[:, :1] + 2.0
    variances = torch.full((9, 1), torch.nan, dtype=torch.float64)
    variances[3], variances[5] = 4.0, 0.0
    gp = fit_graph_gp(X, Y, LAYOUT, train_Yvar=variances)
    sd2 = float(Y.var(correction=0))
    noise = torch.full((9,), math.exp(gp.log_noise), dtype=torch.float64)
    noise[3], noise[5] = 4.0 / sd2, 0.0
    kernel, theta = gp.kernel, gp.theta
    Kxx = kernel.matrix(theta, kernel.distances(X, X)) + torch.diag(noise + 1e-6)
    Kzx = kernel.matrix(theta, kernel.distances(Z, X))
    y = (Y - Y.mean()) / math.sqrt(sd2)
    mean = Y.mean() + math.sqrt(sd2) * (Kzx @ torch.linalg.inv(Kxx) @ y)
    torch.testing.assert_close(gp.posterior(Z).mean, mean)
    grown = fit_graph_gp(X[:6], Y[:6], LAYOUT, train_Yvar=variances[:6])
    grown = grown.condition_on(X, Y, variances)
    at_once = grown.condition_on(X[:1], Y[:1]).condition_on(X, Y, variances)
    torch.testing.assert_close(grown.posterior(Z).mean, at_once.posterior(Z).mean)


def test_conditioning_keeps_the_hyper_parameters_and_fits_the_values() -> None:
    X, Y, layout = SurrogateContract().data(30)
    first = fit_graph_gp(X[:15], Y[:15], layout)
    model = first.condition_on(X, Y)
    assert model.hyperparameters == first.hyperparameters
    assert float((model.posterior(X).mean - Y).abs().max()) < float(Y.std())
    assert model.loo_log_density().shape == (30,)


def test_the_gps_leave_one_out_density_is_that_of_a_gp_without_the_value() -> None:
    X, Y = _points(8), _points(8, seed=3)[:, :1]
    gp = fit_graph_gp(X, Y, LAYOUT)
    densities = gp.loo_log_density()
    kernel, theta, data = gp.kernel, gp.theta, gp.data
    K = kernel.matrix(theta, kernel.distances(X, X))
    noise = math.exp(gp.log_noise) + 1e-6
    for i in range(8):
        rest = [j for j in range(8) if j != i]
        S = K[rest][:, rest] + noise * torch.eye(7, dtype=torch.float64)
        k = K[i, rest]
        mean = float(k @ torch.linalg.solve(S, data.z[rest, 0]))
        variance = float(K[i, i] + noise - k @ torch.linalg.solve(S, k))
        expected = Normal(data.mean + data.sd * mean, data.sd * math.sqrt(variance))
        assert float(densities[i]) == pytest.approx(float(expected.log_prob(Y[i])), rel=1e-6)


def test_a_linear_term_is_bayesian_linear_regression() -> None:
    rng = np.random.default_rng(0)
    X, Z = rng.standard_normal((12, 3)), rng.standard_normal((5, 3))
    y = X @ [1.5, -0.5, 0.2] + 0.7 + 0.1 * rng.standard_normal(12)
    layout = Layout({"prior": slice(0, 3)}, {})
    terms = [("prior", "linear")]
    gp = fit_graph_gp(torch.from_numpy(X), torch.from_numpy(y).unsqueeze(1), layout, terms=terms)
    found = gp.hyperparameters
    assert list(found) == ["weight of prior", "noise"]

    # weights ~ N(0, v): posterior precision A = F'F / s^2 + I / v, posterior mean A^-1 F'z / s^2
    F, G = (np.column_stack([np.ones(len(P)), P]) for P in (X, Z))
    z, noise = (y - y.mean()) / y.std(), found["noise"] + 1e-6
    A = F.T @ F / noise + np.eye(4) / found["weight of prior"]
    mean = G @ np.linalg.solve(A, F.T @ z) / noise
    variance = np.einsum("ij,ji->i", G, np.linalg.solve(A, G.T))

    posterior = gp.posterior(torch.from_numpy(Z))
    own, spread = gp.marginals(torch.from_numpy(Z))
    for each in (posterior.mean.squeeze(1), own):
        np.testing.assert_allclose(each.numpy(), y.mean() + y.std() * mean, rtol=1e-6)
    for each in (posterior.variance.squeeze(1), spread):
        np.testing.assert_allclose(each.numpy(), y.var() * (variance + 1e-6), rtol=1e-4)


def test_rows_added_to_a_linear_term_give_the_model_of_all_rows() -> None:
    rng = np.random.default_rng(1)
    X = torch.from_numpy(rng.standard_normal((9, 5)))
    Y = X[:, :1] + X[:, 2:3].sin()
    layout = Layout({"own": slice(0, 2), "prior": slice(2, 4)}, {"rate": slice(4, 5)})
    first = fit_graph_gp(X[:6], Y[:6], layout)
    pool = torch.from_numpy(rng.standard_normal((7, 5)))
    first.marginals(pool)
    grown = first.condition_on(X, Y)
    afresh = fit_graph_gp(X[:6], Y[:6], layout).condition_on(X.clone(), Y)
    afresh = GraphGP(afresh.kernel, afresh.theta, afresh.log_noise, afresh.data)  # as a whole
    for one, other in zip(grown.marginals(pool), afresh.marginals(pool), strict=True):
        torch.testing.assert_close(one, other)
    posterior = grown.posterior(pool.unsqueeze(1))
    torch.testing.assert_close(posterior.variance.reshape(-1), grown.marginals(pool)[1])


def test_a_prior_moves_predictions_only_as_far_as_it_predicted_values() -> None:
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((60, 3)))
    layout = Layout({"own": slice(0, 2), "prior": slice(2, 3)}, {})
    raised = X + torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    for share, slope in ((0.0, 0.0), (1.0, 1.0)):
        gp = fit_graph_gp(X, X[:, :1].sin() + share * X[:, 2:], layout)
        moved = gp.marginals(raised)[0] - gp.marginals(X)[0]
        assert float((moved - slope).abs().max()) < 0.1


def test_weights_begin_where_a_prior_is_expected_to_be_right() -> None:
    rng = np.random.default_rng(0)
    X, Z = rng.standard_normal((12, 3)), rng.standard_normal((5, 3))
    y = X @ [1.5, -0.5, 0.2] + 0.7 + 0.1 * rng.standard_normal(12)
    slopes = np.array([0.4, 0.2, -0.1])
    layout = Layout({"prior": slice(0, 3)}, {}, slopes=(tuple(slopes),))
    gp = fit_graph_gp(
        torch.from_numpy(X), torch.from_numpy(y).unsqueeze(1), layout, terms=[("prior", "linear")]
    )
    found = gp.hyperparameters

    # (w_0, w) ~ N((0, slopes), v): A = F'F / s^2 + I / v, mean A^-1 (F'z / s^2 + (0, slopes) / v)
    F, G = (np.column_stack([np.ones(len(P)), P]) for P in (X, Z))
    z, noise, v = (y - y.mean()) / y.std(), found["noise"] + 1e-6, found["weight of prior"]
    A = F.T @ F / noise + np.eye(4) / v
    weights = np.linalg.solve(A, F.T @ z / noise + np.concatenate([[0.0], slopes]) / v)

    pool = torch.from_numpy(Z)
    for mean in (gp.posterior(pool).mean.squeeze(1), gp.marginals(pool)[0]):
        np.testing.assert_allclose(mean.numpy(), y.mean() + y.std() * G @ weights, rtol=1e-6)
    one_each = gp.posterior(pool.unsqueeze(1)).mean.reshape(-1)
    torch.testing.assert_close(one_each, gp.marginals(pool)[0])
    torch.testing.assert_close(
        gp.condition_on(gp.data.X.clone(), torch.from_numpy(y).unsqueeze(1)).marginals(pool)[0],
        gp.marginals(pool)[0],
    )


def test_leave_one_out_densities_know_what_is_expected() -> None:
    rng = np.random.default_rng(3)
    X = torch.from_numpy(rng.standard_normal((8, 2)))
    Y = X[:, 1:] + 0.1 * torch.from_numpy(rng.standard_normal((8, 1)))
    gp = fit_graph_gp(
        X, Y, Layout({"own": slice(0, 1), "prior": slice(1, 2)}, {}, slopes=((0.5,),))
    )
    for i in range(8):
        rest = [j for j in range(8) if j != i]
        z = gp.data.z.squeeze(1)
        K = gp.kernel.covariance(gp.theta, X, X) + (math.exp(gp.log_noise) + 1e-6) * torch.eye(
            8, dtype=torch.float64
        )
        m = 0.5 * X[:, 1]
        gain = torch.linalg.solve(K[rest][:, rest], K[rest, i])
        sd = (K[i, i] - K[i, rest] @ gain).sqrt()
        expected = Normal(m[i] + gain @ (z - m)[rest], sd).log_prob(z[i])
        assert gp.loo_log_density()[i] == pytest.approx(float(expected) - math.log(gp.data.sd))


def test_an_expected_prior_leads_where_little_is_known_and_gives_way() -> None:
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.standard_normal((80, 3)))
    right, wrong = X[:, 2:] + 0.1 * X[:, :1], X[:, :1].sin()
    layout = Layout({"own": slice(0, 2), "prior": slice(2, 3)}, {}, slopes=((0.5,),))
    plain = Layout(layout.architecture, {})

    def slope(Y: Tensor, n: int, of: Layout) -> float:
        gp = fit_graph_gp(X[:n], Y[:n], of)
        raised = X + torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
        moved = (gp.marginals(raised)[0] - gp.marginals(X)[0]).mean()
        return float(moved) / gp.data.sd

    assert slope(wrong, 4, layout) > slope(wrong, 4, plain) + 0.1
    assert abs(slope(wrong, 80, layout)) < 0.1
    assert slope(right, 80, layout) == pytest.approx(slope(right, 80, plain), rel=0.1)
