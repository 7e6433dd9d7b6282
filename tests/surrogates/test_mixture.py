"""Mixtures of surrogates, weighted by stacking."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from bonas.surrogates import (
    Surrogate,
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
