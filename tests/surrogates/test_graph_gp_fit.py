"""The fit of a Gaussian process: likelihood, gradient and default terms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gpytorch.distributions import MultivariateNormal
from torch import Tensor

from bonas.encoders import Layout
from bonas.surrogates.graph_gp_fit import _negative_log_likelihood
from bonas.surrogates.kernel import BlockKernel

LAYOUT = Layout(
    {"one": slice(0, 2), "two": slice(2, 5)}, {"rate": slice(5, 6), "kind": slice(6, 8)}
)


TERMS = (("one", "rbf"), ("two", "matern12"), ("one", "matern12"))


def _points(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 8)))


@pytest.mark.parametrize(
    "kernel",
    [
        BlockKernel(LAYOUT, (("one", "rbf"), ("two", "rbf"))),
        BlockKernel(LAYOUT, TERMS),
        BlockKernel(Layout(LAYOUT.architecture, {}), TERMS),
        BlockKernel(Layout({}, LAYOUT.parameters), ()),
    ],
    ids=["rbf", "smooth and rough", "architecture only", "parameters only"],
)
def test_the_written_out_gradient_is_that_of_autograd(kernel: BlockKernel) -> None:
    X = _points(7)
    z = torch.from_numpy(np.random.default_rng(1).standard_normal((7, 1)))
    distances = kernel.distances(X, X)
    point = torch.linspace(-0.4, 0.5, len(kernel.names) + 1, dtype=torch.float64)
    known = torch.full((7,), torch.nan, dtype=torch.float64)
    known[2] = 0.3  # the variance of one value is known, and not fitted
    value, gradient = _negative_log_likelihood(kernel, distances, z, known, point)

    point.requires_grad_()
    K = kernel.matrix(point[:-1], distances)
    noise = torch.where(known.isnan(), point[-1].exp(), known)
    K = K + torch.diag(noise + 1e-6)
    density = MultivariateNormal(torch.zeros(7, dtype=torch.float64), K).log_prob(z.squeeze(1))
    (expected,) = torch.autograd.grad(-density, point)
    assert value == pytest.approx(-density.item() - 3.5 * math.log(2 * math.pi), rel=1e-6)
    np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-6, atol=1e-8)
