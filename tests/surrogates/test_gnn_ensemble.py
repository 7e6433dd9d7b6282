"""The ensemble of graph networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bonas.encoders import Layout
from bonas.errors import InvalidArgument
from bonas.surrogates import (
    Surrogate,
    fit_gnn_ensemble,
)
from bonas.testing import SurrogateContract

LAYOUT = Layout(
    {"one": slice(0, 2), "two": slice(2, 5)}, {"rate": slice(5, 6), "kind": slice(6, 8)}
)


def _points(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 8)))


class TestGNNEnsemble(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return fit_gnn_ensemble


def test_the_gnn_ensemble_needs_its_block() -> None:
    with pytest.raises(InvalidArgument, match="no block 'gnn'"):
        fit_gnn_ensemble(_points(4), _points(4)[:, :1], LAYOUT)


def test_the_gnn_ensemble_needs_columns_that_divide() -> None:
    layout = Layout({"gnn": slice(0, 7)}, {})
    with pytest.raises(InvalidArgument, match="7 columns"):
        fit_gnn_ensemble(_points(4), _points(4)[:, :1], layout)


EMBEDDED = Layout({"gnn": slice(0, 4)}, {"rate": slice(4, 5)})


def _embedded(n: int) -> tuple[Tensor, Tensor]:
    """Return embeddings of two members and a rate, which decides the values."""
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((n, 5)))
    return X, 3.0 * X[:, 4:] + 10.0


def test_parameters_outside_the_space_are_read_by_every_member() -> None:
    X, Y = _embedded(40)
    model = fit_gnn_ensemble(X[:30], Y[:30], EMBEDDED, members=2)
    posterior = model.posterior(X[30:])
    assert float((posterior.mean - Y[30:]).abs().max()) < 0.5 * float(Y.std())
    assert posterior.means.shape == (2, 10)


def test_a_member_does_not_read_the_embedding_of_another() -> None:
    X, Y = _embedded(20)
    model = fit_gnn_ensemble(X, Y, EMBEDDED, members=2)
    moved = X.clone()
    moved[:, 2:4] += 1.0  # the second member's
    before, after = model.posterior(X).means, model.posterior(moved).means
    torch.testing.assert_close(after[0], before[0])
    assert float((after[1] - before[1]).abs().max()) > 1e-6


def test_values_that_no_member_predicts_widen_the_posterior() -> None:
    """Compare noise of the size of the values with values that follow from the encoding."""
    X, Y = _embedded(30)
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((30, 1)))
    sure, unsure = (fit_gnn_ensemble(X, y, EMBEDDED, members=2) for y in (Y, noise))
    assert unsure.scale >= 1.0
    spread = [float(m.posterior(X).variance.mean()) / m.data.sd**2 for m in (sure, unsure)]
    assert spread[0] < 0.1 * spread[1]
    density = [m.loo_log_density() + np.log(m.data.sd) for m in (sure, unsure)]
    assert float(density[0].mean()) > float(density[1].mean()) + 1.0


def test_another_seed_trains_other_hidden_layers() -> None:
    X, Y = _embedded(12)
    one, two = (fit_gnn_ensemble(X, Y, EMBEDDED, seed, members=2) for seed in (0, 1))
    assert not torch.equal(one.layer.weight, two.layer.weight)
