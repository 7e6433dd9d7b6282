"""The Bayesian last layer is the textbook's linear regression."""

from __future__ import annotations

import torch

from bonas.surrogates.bayesian_last_layer import _LAMBDAS, fit_last_layer


def test_mean_and_covariance_are_the_formula_for_the_lambda_of_the_largest_evidence() -> None:
    generator = torch.Generator().manual_seed(0)
    Phi = torch.randn(1, 12, 3, dtype=torch.float64, generator=generator)
    z = Phi[0] @ torch.tensor([[1.0], [-2.0], [0.5]]).double()
    z = z + 0.3 * torch.randn(12, 1, dtype=torch.float64, generator=generator)
    layer = fit_last_layer(Phi, z, torch.ones(1, 12, dtype=torch.float64))

    def posterior(lam: float) -> tuple[torch.Tensor, torch.Tensor, float]:
        A = Phi[0].T @ Phi[0] + lam * torch.eye(3, dtype=torch.float64)
        mean = torch.linalg.solve(A, Phi[0].T @ z)
        left = float(z.square().sum() - (Phi[0].T @ z).T @ mean)
        sigma2 = (left + 2.0 * 0.1) / (12 + 2.0)
        return mean, sigma2 * torch.linalg.inv(A), sigma2

    def evidence(lam: float) -> float:
        _, _, sigma2 = posterior(lam)
        log_det = float(torch.logdet(torch.eye(3).double() + Phi[0].T @ Phi[0] / lam))
        return -7.0 * torch.tensor(sigma2).log().item() - 0.5 * log_det

    best = max(_LAMBDAS.tolist(), key=evidence)
    mean, covariance, sigma2 = posterior(best)
    torch.testing.assert_close(layer.mean[0], mean)
    torch.testing.assert_close(layer.root[0] @ layer.root[0].T, covariance)
    torch.testing.assert_close(layer.noise, torch.tensor([sigma2]).double())


def test_a_member_does_not_see_what_it_may_not_keep() -> None:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 8, 3, dtype=torch.float64, generator=generator)
    z = torch.randn(8, 1, dtype=torch.float64, generator=generator)
    keep = torch.ones(2, 8, dtype=torch.float64)
    keep[0, 5] = 0.0
    other = z.clone()
    other[5] = 1e3
    one, two = fit_last_layer(features, z, keep), fit_last_layer(features, other, keep)
    torch.testing.assert_close(one.mean[0], two.mean[0])
    assert float((one.mean[1] - two.mean[1]).abs().max()) > 1.0


def test_marginals_are_the_diagonal_of_the_joint_covariance() -> None:
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(2, 6, 3, dtype=torch.float64, generator=generator)
    z = torch.randn(6, 1, dtype=torch.float64, generator=generator)
    layer = fit_last_layer(features, z, torch.ones(2, 6, dtype=torch.float64))
    mean, variance = layer.marginals(features)
    joint, root = layer.predict(features)
    torch.testing.assert_close(mean, joint)
    torch.testing.assert_close(variance, (root @ root.mT).diagonal(dim1=-2, dim2=-1))
