"""The Gaussian process with the Weisfeiler-Lehman kernel."""

from __future__ import annotations

import math

import gpytorch
import numpy as np
import pytest
import torch
from gpytorch.kernels import ConstantKernel, LinearKernel, RBFKernel
from torch import Tensor
from torch.distributions import Normal

from bonas.encoders import Layout
from bonas.surrogates import Surrogate, fit_weisfeiler_lehman
from bonas.surrogates.weisfeiler_lehman import covariance, inner_products
from bonas.testing import SurrogateContract


class TestWeisfeilerLehmanGP(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return fit_weisfeiler_lehman


LAYOUT = Layout(
    {"wl0": slice(0, 3), "wl1": slice(3, 5)}, {"rate": slice(5, 6), "kind": slice(6, 8)}
)


GRAPHS_ONLY = Layout(LAYOUT.architecture, {})


def _points(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 8)))


def _shortened(x: Tensor) -> Tensor:
    return x / max(1.0, float(x.norm()))


def test_the_kernel_is_the_formula_at_its_head() -> None:
    x, z = _points(2)
    theta = torch.tensor([0.3, -0.2, 0.1, 0.4, -0.5, -3.0], dtype=torch.float64)
    w0, w1, sp, lr, lk, _ = theta.exp().tolist()
    gp = fit_weisfeiler_lehman(_points(4), _points(4)[:, :1], LAYOUT)
    blocks = w0 * float(_shortened(x[:3]) @ _shortened(z[:3]))
    blocks += w1 * float(_shortened(x[3:5]) @ _shortened(z[3:5]))
    rate, kind = float((x[5] - z[5]) ** 2), float((x[6:] - z[6:]).square().sum())
    others = math.exp(-rate / (2 * lr**2) - kind / (2 * lk**2))
    found = covariance(LAYOUT, theta, inner_products(LAYOUT, x.unsqueeze(0), z.unsqueeze(0)))
    assert float(found) == pytest.approx(others * (blocks + sp))
    assert list(gp.hyperparameters) == [
        "weight of wl0",
        "weight of wl1",
        "variance without architecture",
        "lengthscale of rate",
        "lengthscale of kind",
        "noise",
    ]


def test_for_counts_it_is_the_normalised_kernel() -> None:
    counts = torch.tensor([[1.0, 2.0, 1.0], [1.0, 0.0, 3.0]], dtype=torch.float64)
    gp = fit_weisfeiler_lehman(counts, counts[:, 1:2], Layout({"wl0": slice(0, 3)}, {}))
    (products,) = inner_products(gp.layout, counts, counts)
    cosine = float(counts[0] @ counts[1] / counts[0].norm() / counts[1].norm())
    assert products.flatten().tolist() == pytest.approx([1.0, cosine, cosine, 1.0])


class _ByGPyTorch(gpytorch.models.ExactGP):  # type: ignore[misc]  # gpytorch is untyped
    """The same process in gpytorch, with given hyper-parameters, over shortened rows."""

    def __init__(self, X: Tensor, z: Tensor, found: dict[str, float]) -> None:
        likelihood = gpytorch.likelihoods.GaussianLikelihood().to(torch.float64)
        likelihood.noise = found["noise"] + 1e-6
        super().__init__(X, z, likelihood)
        linear = [LinearKernel(active_dims=(0, 1, 2)), LinearKernel(active_dims=(3, 4))]
        others = [RBFKernel(active_dims=(5,)), RBFKernel(active_dims=(6, 7))]
        constant = ConstantKernel()
        self.parts = torch.nn.ModuleList([*linear, constant, *others]).to(torch.float64)
        for kernel, name in zip(linear, ("wl0", "wl1"), strict=True):
            kernel.variance = found[f"weight of {name}"]
        for kernel, name in zip(others, ("rate", "kind"), strict=True):
            kernel.lengthscale = found[f"lengthscale of {name}"]
        constant.constant = torch.tensor(found["variance without architecture"])
        self.eval()
        likelihood.eval()

    def forward(self, X: Tensor) -> gpytorch.distributions.MultivariateNormal:
        # dense: gpytorch would multiply the low-rank linear kernels by their roots, inexactly
        one, two, constant, rate, kind = (part(X).to_dense() for part in self.parts)
        K = (one + two + constant) * rate * kind
        return gpytorch.distributions.MultivariateNormal(torch.zeros(len(X)).double(), K)


def test_the_posterior_is_that_of_gpytorch() -> None:
    X, Z = _points(9), _points(4, seed=5)
    Y = 3.0 * X[:, :1] + X[:, 5:6] + 20.0
    gp = fit_weisfeiler_lehman(X, Y, LAYOUT)

    def rows(points: Tensor) -> Tensor:
        parts = [
            torch.stack([_shortened(x[columns]) for x in points])
            for columns in LAYOUT.architecture.values()
        ]
        return torch.cat([*parts, points[:, 5:]], dim=1)

    mean, sd = Y.mean(), Y.std(correction=0)
    other = _ByGPyTorch(rows(X), ((Y - mean) / sd).squeeze(1), gp.hyperparameters)
    with torch.no_grad():
        expected = other(rows(Z))
        posterior = gp.posterior(Z)
        torch.testing.assert_close(
            posterior.mean.squeeze(-1), mean + sd * expected.mean, rtol=1e-4, atol=1e-4
        )
        torch.testing.assert_close(
            posterior.distribution.covariance_matrix,
            sd**2 * expected.covariance_matrix,
            rtol=1e-4,
            atol=1e-4,
        )


@pytest.mark.parametrize("layout", [LAYOUT, GRAPHS_ONLY], ids=["both", "graphs only"])
def test_the_leave_one_out_density_is_that_of_a_process_without_the_value(layout: Layout) -> None:
    X, Y = _points(8), _points(8, seed=3)[:, :1]
    gp = fit_weisfeiler_lehman(X, Y, layout)
    densities = gp.loo_log_density()
    K = covariance(layout, gp.theta, inner_products(layout, X, X))
    noise, data = float(gp.theta[-1].exp()) + 1e-6, gp.data
    for i in range(8):
        rest = [j for j in range(8) if j != i]
        S = K[rest][:, rest] + noise * torch.eye(7, dtype=torch.float64)
        k = K[i, rest]
        mean = float(k @ torch.linalg.solve(S, data.z[rest, 0]))
        variance = float(K[i, i] + noise - k @ torch.linalg.solve(S, k))
        expected = Normal(data.mean + data.sd * mean, data.sd * math.sqrt(variance))
        assert float(densities[i]) == pytest.approx(float(expected.log_prob(Y[i])), rel=1e-6)


def test_the_block_that_explains_the_values_weighs_most() -> None:
    X = _points(60)
    gp = fit_weisfeiler_lehman(
        X, _shortened_rows(X[:, 3:5]) @ torch.ones(2, 1).double(), GRAPHS_ONLY
    )
    found = gp.hyperparameters
    assert found["weight of wl1"] > 3 * found["weight of wl0"]
    assert found["noise"] < 0.01


def _shortened_rows(X: Tensor) -> Tensor:
    return torch.stack([_shortened(x) for x in X])
