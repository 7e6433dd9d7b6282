"""The share of the transfer prior in what is predicted, against sums that are written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bonas.encoders import Layout
from bonas.surrogates import (
    CoregionalisedGP,
    fit_forest,
    fit_graph_gp,
    fit_mixture,
    share_of_prior,
)
from tests.surrogates.partial_trainings import EXPECTED, LAYOUT, trainings

RATE = Layout({"own": slice(0, 2), "prior": slice(2, 3)}, {"rate": slice(3, 4)}, slopes=((0.5,),))


def _drawn(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    X = torch.from_numpy(rng.standard_normal((n, 4)))
    return X, X[:, 2:3] + X[:, :1].sin() + 0.1 * torch.from_numpy(rng.standard_normal((n, 1)))


def test_it_is_the_variance_of_the_prior_and_of_the_rest_of_the_posterior_mean() -> None:
    X, Y = _drawn(9)
    gp = fit_graph_gp(X, Y, RATE)
    s, v, scale, constant, of_rate, noise = gp.hyperparameters.values()
    own, x, rate = X[:, :2].numpy(), X[:, 2].numpy(), X[:, 3].numpy()
    outside = np.exp(-((rate[:, None] - rate) ** 2) / (2 * of_rate**2))
    distance = np.linalg.norm(own[:, None] - own, axis=2)
    by_prior = outside * v * (1 + np.outer(x, x))
    by_rest = outside * (s * np.exp(-(distance**2) / (2 * scale**2)) + constant)
    z = gp.data.z[:, 0].numpy()
    S = by_prior + by_rest + (noise + 1e-6) * np.eye(9)
    alpha = np.linalg.solve(S, z - 0.5 * x)
    g, h = 0.5 * x + by_prior @ alpha, by_rest @ alpha
    assert share_of_prior(gp) == pytest.approx(g.var() / (g.var() + h.var()), rel=1e-5)


def test_with_stopped_trainings_it_is_that_of_final_values() -> None:
    given = trainings(9, 6, told=0.7, noise=0.1)
    gp = fit_graph_gp(given.X, given.Y, EXPECTED, lower=given.lower)
    assert isinstance(gp, CoregionalisedGP)
    found = gp.hyperparameters
    own, prior = given.X[:, :2].numpy(), given.X[:, 2:].numpy()
    rows, output = gp.data.X[:, :4].numpy(), gp.stacked.output.numpy()
    shares = np.array([1.0, found["shared with 0.1"]])[output]
    by_prior = shares * found["weight of prior"] * (1 + prior @ rows[:, 2:].T)
    distance = (
        np.linalg.norm(own[:, None] - rows[:, :2], axis=2) / found["lengthscale of one (rbf)"]
    )
    by_rest = shares * found["variance of one (rbf)"] * np.exp(-(distance**2) / 2)
    m = rows[:, 2:] @ [0.4, -0.3]
    alpha = np.linalg.solve((gp.L @ gp.L.T).numpy(), gp.data.z[:, 0].numpy() - shares * m)
    g, h = prior @ [0.4, -0.3] + by_prior @ alpha, by_rest @ alpha
    assert share_of_prior(gp) == pytest.approx(g.var() / (g.var() + h.var()), rel=1e-5)


def test_a_prior_that_was_wrongly_expected_to_be_right_explains_little() -> None:
    X, Y = _drawn(40)
    noise = X[:, 2:3].clone()
    X[:, 2:3] = torch.from_numpy(np.random.default_rng(1).standard_normal((40, 1)))
    wrong = share_of_prior(fit_graph_gp(X, Y, RATE))
    X[:, 2:3] = noise
    right = share_of_prior(fit_graph_gp(X, Y, RATE))
    assert wrong is not None
    assert right is not None
    assert wrong < 0.15 < 0.4 < right


def test_of_a_mixture_it_is_the_mean_by_weight() -> None:
    X, Y = _drawn(12)
    mixture = fit_mixture(X, Y, RATE, members=(fit_graph_gp, fit_graph_gp))
    assert share_of_prior(mixture) == pytest.approx(share_of_prior(mixture.members[0]))


def test_a_model_without_a_prior_or_that_does_not_say_has_none() -> None:
    given = trainings(9, 6)
    assert share_of_prior(fit_graph_gp(given.X, given.Y, LAYOUT)) is None
    assert share_of_prior(fit_graph_gp(given.X, given.Y, LAYOUT, lower=given.lower)) is None
    assert share_of_prior(fit_forest(given.X, given.Y, EXPECTED)) is None
    members = (fit_graph_gp, fit_forest)
    assert share_of_prior(fit_mixture(given.X, given.Y, EXPECTED, members=members)) is None


def test_constant_values_are_explained_by_nothing() -> None:
    X, Y = _drawn(5)
    unknown = Layout(RATE.architecture, RATE.parameters)
    assert share_of_prior(fit_graph_gp(X, torch.ones_like(Y), unknown)) == 0.0
