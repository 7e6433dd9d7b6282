"""The Gaussian process over embeddings."""

from __future__ import annotations

import numpy as np
import torch

from bonas.encoders import Layout
from bonas.surrogates import (
    Surrogate,
    fit_deep_kernel,
)
from bonas.testing import SurrogateContract


class TestDeepKernelGP(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return fit_deep_kernel


def test_a_deep_kernel_reads_the_prior_too() -> None:
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((10, 3)))
    gp = fit_deep_kernel(X, X[:, :1], Layout({"gnn": slice(0, 2), "prior": slice(2, 3)}, {}))
    assert "weight of prior" in gp.hyperparameters
