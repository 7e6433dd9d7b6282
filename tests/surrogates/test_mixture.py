"""Mixtures of surrogates, weighted by stacking."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from torch.distributions import Normal

from bonas.errors import InvalidArgument
from bonas.surrogates import (
    Mixture,
    Surrogate,
    fit_forest,
    fit_gnn_ensemble,
    fit_graph_gp,
    fit_mixture,
)
from bonas.surrogates.mixture import stacked_weights
from bonas.testing import SurrogateContract


class TestMixture(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return fit_mixture


def test_a_mixture_passes_variances_on_to_members_that_take_them() -> None:
    X, Y, layout = SurrogateContract().data(24)
    loud = torch.full_like(Y, float(100 * Y.var()))
    mixed = fit_mixture(X, Y, layout, train_Yvar=loud, members=(fit_graph_gp, fit_gnn_ensemble))
    alone = fit_graph_gp(X, Y, layout, train_Yvar=loud)
    torch.testing.assert_close(mixed.members[0].posterior(X).mean, alone.posterior(X).mean)
    assert float(alone.posterior(X).mean.std()) < 0.2 * float(Y.std())


def test_stacking_follows_the_better_member() -> None:
    good = Normal(0.0, 1.0).log_prob(torch.linspace(-1, 1, 200).double())
    weights = stacked_weights(torch.stack([good, good - 3.0]))
    assert float(weights[0]) > 0.95
    assert float(weights.sum()) == pytest.approx(1.0)


def test_stacking_maximises_the_mixtures_own_score() -> None:
    rng = np.random.default_rng(0)
    densities = torch.from_numpy(rng.standard_normal((2, 400)))

    def score(w: float) -> float:
        logs = torch.tensor([[w], [1 - w]]).double().log()
        pull = math.log(w) + math.log(1 - w)  # one pseudo-observation of each member
        return float(torch.logsumexp(densities + logs, 0).sum()) + pull

    found = float(stacked_weights(densities)[0])
    best = max(np.linspace(0.01, 0.99, 99), key=score)
    assert score(found) >= score(float(best)) - 1e-3


def test_two_bad_halves_make_a_good_mixture() -> None:
    """Let each member predict one half of the values: equal weights are better than either."""
    knows = torch.tensor([[0.0] * 50 + [-8.0] * 50, [-8.0] * 50 + [0.0] * 50]).double()
    weights = stacked_weights(knows)
    assert weights.tolist() == pytest.approx([0.5, 0.5], abs=1e-6)


def test_a_member_that_cannot_be_weighed_is_refused() -> None:
    X, Y, layout = SurrogateContract().data(6)

    def foreign(train_X: Any, train_Y: Any, layout: Any, seed: int) -> SingleTaskGP:
        return SingleTaskGP(train_X.clamp(0, 1), (train_Y - train_Y.mean()) / train_Y.std())

    with pytest.raises(InvalidArgument, match="SingleTaskGP has none: implement it, or choose"):
        fit_mixture(X, Y, layout, members=(fit_graph_gp, foreign))


def test_members_that_cannot_be_conditioned_are_fitted_anew_and_the_weights_kept() -> None:
    X, Y, layout = SurrogateContract().data(24)
    first = fit_mixture(X[:16], Y[:16], layout, seed=3, members=(fit_graph_gp, fit_forest))
    grown = first.condition_on(X, Y)
    assert torch.equal(grown.weights, first.weights)
    process = first.members[0].condition_on(X, Y)  # type: ignore[operator]  # a GraphGP
    for found, expected in zip(
        grown.members, (process, fit_forest(X, Y, layout, seed=3)), strict=True
    ):
        a: Any = found.posterior(X[:5])
        b: Any = expected.posterior(X[:5])
        torch.testing.assert_close(a.mean, b.mean)


def test_the_leave_one_out_density_is_that_of_the_weighted_members() -> None:
    X, Y, layout = SurrogateContract().data(12)
    mixed = fit_mixture(X, Y, layout, members=(fit_graph_gp, fit_forest))
    first, second = (member.loo_log_density().exp() for member in mixed.members)  # type: ignore[operator]  # both have it
    w = mixed.weights
    torch.testing.assert_close(mixed.loo_log_density().exp(), w[0] * first + w[1] * second)


def test_a_mixture_in_a_mixture_is_a_mixture_of_all_their_members() -> None:
    X, Y, layout = SurrogateContract().data(12)
    inner = fit_mixture(X, Y, layout, members=(fit_graph_gp, fit_forest))
    weights = torch.tensor([0.3, 0.7], dtype=torch.float64)
    outer = Mixture([inner, inner], weights, (fit_mixture, fit_mixture), layout, 0)
    nested: Any = outer.posterior(X[:4])
    plain: Any = inner.posterior(X[:4])
    assert len(nested.weights) == 2 * len(plain.weights)
    assert float(nested.weights.sum()) == pytest.approx(1.0)
    torch.testing.assert_close(nested.mean, plain.mean)
    torch.testing.assert_close(nested.variance, plain.variance)
