"""The Gaussian process over embeddings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bonas.encoders import Layout
from bonas.errors import InvalidArgument
from bonas.surrogates import (
    GraphGP,
    Surrogate,
    fit_deep_kernel,
    fit_graph_gp,
)
from bonas.testing import SurrogateContract


class TestDeepKernel(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return fit_deep_kernel


def test_a_deep_kernel_reads_the_prior_too() -> None:
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((10, 3)))
    gp = fit_deep_kernel(X, X[:, :1], Layout({"gnn": slice(0, 2), "prior": slice(2, 3)}, {}))
    assert "weight of prior" in gp.hyperparameters


def test_a_deep_kernel_begins_where_a_prior_is_expected_to_be_right() -> None:
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((9, 3)))
    layout = Layout({"gnn": slice(0, 2), "prior": slice(2, 3)}, {}, slopes=((0.5,),))
    gp = fit_deep_kernel(X[:5], X[:5, :1], layout)

    # k = s exp(-r / scale) + v (1 + x x'), m = x / 2, all of it written out
    s, v, scale, noise = gp.hyperparameters.values()
    e, x, z = X[:, :2].numpy(), X[:, 2].numpy(), gp.data.z[:, 0].numpy()
    K = s * np.exp(-np.linalg.norm(e[:, None] - e, axis=2) / scale) + v * (1 + np.outer(x, x))
    S = K[:5, :5] + (noise + 1e-6) * np.eye(5)
    mean = 0.5 * x[5:] + K[5:, :5] @ np.linalg.solve(S, z - 0.5 * x[:5])

    found = gp.marginals(X[5:])[0].numpy()
    np.testing.assert_allclose(found, gp.data.mean + gp.data.sd * mean, rtol=1e-6)


GNN = Layout({"one_hot": slice(0, 2), "gnn": slice(2, 5)}, {})


def test_it_is_a_matern12_process_over_the_embedding_alone() -> None:
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((10, 5)))
    found = fit_deep_kernel(X, X[:, 2:3], GNN)
    assert isinstance(found, GraphGP)
    same = fit_graph_gp(X, X[:, 2:3], GNN, terms=[("gnn", "matern12")])
    assert found.hyperparameters == same.hyperparameters
    moved = X.clone()
    moved[:, :2] += 1.0  # the choices are not read
    torch.testing.assert_close(found.posterior(moved).mean, found.posterior(X).mean)


def test_it_needs_the_embedding() -> None:
    X = torch.zeros(3, 2, dtype=torch.float64)
    with pytest.raises(InvalidArgument, match="no block 'gnn', only \\['one_hot'\\]"):
        fit_deep_kernel(X, X[:, :1], Layout({"one_hot": slice(0, 2)}, {}))
