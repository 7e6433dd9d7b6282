"""The kernel over points and outputs, against entries that are written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bonas.surrogates.coregionalised_gp import with_output
from bonas.surrogates.coregionalised_kernel import CoregionalisedKernel
from bonas.surrogates.kernel import BlockKernel
from tests.surrogates.partial_trainings import EXPECTED, LAYOUT

BASE = BlockKernel(LAYOUT, (("one", "rbf"), ("two", "matern12"), ("one", "linear")))
KERNEL = CoregionalisedKernel(BASE, (0.1, 0.3, 0.9))


def _theta(seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(0, 0.6, len(KERNEL.names)))


def test_the_covariance_is_the_product_of_both_kernels_entry_by_entry() -> None:
    rng, theta = np.random.default_rng(1), _theta()
    X = torch.from_numpy(rng.standard_normal((5, 4)))
    outputs = [0, 1, 2, 3, 1]
    points = torch.cat([X, torch.tensor(outputs, dtype=torch.float64).unsqueeze(1)], dim=1)
    w1, w2, w3, c21, c31, c32, v1, v2, v3 = theta[len(BASE.names) :].tolist()
    A = np.array(
        [
            [1, 0, 0, 0],
            [w1, math.exp(v1 / 2), 0, 0],
            [w2, c21, math.exp(v2 / 2), 0],
            [w3, c31, c32, math.exp(v3 / 2)],
        ]
    )
    B = A @ A.T
    s, scale = theta[:3].exp().tolist(), theta[3:5].exp().tolist()
    expected = np.empty((5, 5))
    for a, x in enumerate(X.numpy()):
        for b, y in enumerate(X.numpy()):
            k = s[0] * math.exp(-0.5 * float(np.sum((x[:2] - y[:2]) ** 2)) / scale[0] ** 2)
            k += s[1] * math.exp(-float(np.linalg.norm(x[2:] - y[2:])) / scale[1])
            k += s[2] * (1 + float(x[:2] @ y[:2]))
            expected[a, b] = B[outputs[a], outputs[b]] * k
    found = KERNEL.covariance(theta, points, points)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)
    np.testing.assert_allclose(KERNEL.diagonal(theta, points), np.diag(expected), rtol=1e-9)
    batch = KERNEL.covariance(theta, points.unsqueeze(1), points)
    np.testing.assert_allclose(batch[:, 0].numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_covariance_of_outputs_is_positive_definite_and_1_for_final_values(seed: int) -> None:
    B = KERNEL.outputs(_theta(seed))
    assert float(torch.linalg.eigvalsh(B).min()) > 0
    assert float(B[0, 0]) == 1.0


def test_final_values_have_the_covariance_of_the_base_kernel() -> None:
    X, theta = torch.randn(4, 4, dtype=torch.float64), _theta()
    own = BASE.covariance(theta[: len(BASE.names)], X, X)
    points = with_output(X, 0)
    torch.testing.assert_close(KERNEL.covariance(theta, points, points), own)
    torch.testing.assert_close(KERNEL.diagonal(theta, points), own.diagonal())


def test_the_gradient_is_that_of_autograd() -> None:
    theta = _theta(4).requires_grad_()
    G = torch.from_numpy(np.random.default_rng(5).standard_normal((4, 4)))
    G = G + G.T
    (expected,) = torch.autograd.grad((KERNEL.outputs(theta) * G).sum(), theta)
    found = KERNEL.gradient(theta.detach(), G)
    torch.testing.assert_close(found, expected[len(BASE.names) :])


def test_every_hyper_parameter_has_a_name_of_its_own() -> None:
    assert len({*KERNEL.names}) == len(KERNEL.names) == len(BASE.names) + 9


def test_each_output_has_its_share_of_the_prior_mean() -> None:
    kernel = CoregionalisedKernel(BlockKernel(EXPECTED, (("prior", "linear"),)), (0.1, 0.3))
    theta = torch.tensor([-1.0, 0.8, 0.5, 0.2, -1.0, -2.0], dtype=torch.float64)
    x = torch.from_numpy(np.random.default_rng(2).standard_normal((1, 4)))
    m = float(0.4 * x[0, 2] - 0.3 * x[0, 3])
    for output, share in enumerate([1.0, 0.8, 0.5]):
        found = kernel.prior_mean(theta, with_output(x, output))
        assert found is not None
        assert found.tolist() == pytest.approx([share * m])
    assert KERNEL.prior_mean(_theta(), with_output(x, 1)) is None
