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
