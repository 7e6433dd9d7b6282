"""A Gaussian process with the Weisfeiler-Lehman kernel: linear in the counts of subtree labels.

    k(x, x') = k_p(x, x') [ sum_b w_b <u_b, u'_b> + s_p ],   u_b = x_b / max(1, |x_b|)
    k_p(x, x') = exp(-sum_j |x_j - x'_j|^2 / (2 l_j^2))
    y = mean + sd (f + e),   f ~ GP(0, k),   e ~ N(0, noise)

Symbols: b an architecture block, meant for the labels of one iteration (``wl0``, ``wl1``, ...), w_b
its weight; j a parameter outside the space, l_j its lengthscale, s_p the variance explained without
the architecture. Without such parameters k_p is 1 and s_p is left out. For counts <u, u'> is the
normalised kernel of the papers, <x, x'> / |x||x'|. Rows that are centred and scaled (``Blocks``) to
a length of 1 on average keep the information in their length, but no unusually long row dominates.

The logarithms theta = (w_b..., [s_p, l_j...], noise) have normal priors; L-BFGS maximises the
posterior density.

Sources: Shervashidze et al. (2011), "Weisfeiler-Lehman graph kernels", JMLR 12; Ru et al. (2021),
"Interpretable neural architecture search via Bayesian optimisation with Weisfeiler-Lehman kernels",
ICLR.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.posteriors.posterior import Posterior
from gpytorch.distributions import MultivariateNormal
from scipy.optimize import minimize
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.surrogates.leave_one_out import loo_log_density
from bonas.surrogates.model import SurrogateModel
from bonas.surrogates.surrogate import supports
from bonas.surrogates.training_data import TrainingData, standardise

_JITTER = 1e-6  # on the diagonal, for standardised values: keeps L defined when two rows are equal
_VARIANCE = (math.log(0.5), 1.0)  # mean and sd of a hyper-parameter's logarithm: weights, s_p,
_LENGTHSCALE = (0.0, 1.0)  # l_j
_NOISE = (math.log(1e-2), 1.0)  # and noise


@supports(prior_mean=True, deterministic=True)
def fit_weisfeiler_lehman(train_X: Tensor, train_Y: Tensor, layout: Layout) -> WeisfeilerLehmanGP:
    """Fit a Gaussian process whose kernel is a weighted sum of linear ones, one per block.

    Args:
        train_X: ``n x d`` encodings.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding; each gets its weight.

    Raises:
        FitFailed: if there is no value, or one is not finite.
    """
    data = standardise(train_X, train_Y)
    theta = _most_probable(layout, inner_products(layout, data.X, data.X), data.z)
    return WeisfeilerLehmanGP(layout, theta, data)


class WeisfeilerLehmanGP(SurrogateModel):
    """A Gaussian process with given hyper-parameters; ``fit_weisfeiler_lehman`` finds them.

    Args:
        layout: The blocks of the encoding.
        theta: The logarithms of the hyper-parameters, as at the head of the module.
        data: ``n`` encodings and standardised values.
    """

    def __init__(self, layout: Layout, theta: Tensor, data: TrainingData) -> None:
        super().__init__()
        self.layout, self.theta, self.data = layout, theta, data
        K = covariance(layout, theta, inner_products(layout, data.X, data.X))
        self.L = torch.linalg.cholesky(_add_noise(K, theta))
        self.alpha = torch.cholesky_solve(data.z, self.L)

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The fitted values by name, for standardised values."""
        names = [f"weight of {block}" for block in self.layout.architecture]
        if self.layout.parameters:
            names.append("variance without architecture")
            names += [f"lengthscale of {name}" for name in self.layout.parameters]
        return dict(zip([*names, "noise"], self.theta.exp().tolist(), strict=True))

    def loo_log_density(self) -> Tensor:
        """Return ``n`` log densities, each of one value given the others."""
        return loo_log_density(self.L, self.alpha, self.data.sd)

    def _joint_posterior(self, X: Tensor, noisy: bool) -> Posterior:
        data = self.data
        X = X.to(data.X)
        Kxz = self._covariance(X, data.X)  # batch x q x n
        V = torch.linalg.solve_triangular(self.L, Kxz.reshape(-1, len(data.X)).T, upper=False)
        V = V.T.reshape(Kxz.shape)
        mean = data.mean + data.sd * (Kxz @ self.alpha).squeeze(-1)
        extra = _JITTER + (float(self.theta[-1].exp()) if noisy else 0.0)
        left = self._covariance(X, X) - V @ V.mT + extra * torch.eye(X.shape[-2], dtype=X.dtype)
        return GPyTorchPosterior(MultivariateNormal(mean, data.sd**2 * left))

    def _covariance(self, X: Tensor, Z: Tensor) -> Tensor:
        return covariance(self.layout, self.theta, inner_products(self.layout, X, Z))


def inner_products(layout: Layout, X: Tensor, Z: Tensor) -> Tensor:
    """Compute the inner products of each block, then the squared distances of each parameter.

    ``(a + p) x ... x n x k`` for ``n`` and ``k`` points.
    """
    blocks = [
        _shortened(X[..., columns]) @ _shortened(Z[..., columns]).mT
        for columns in layout.architecture.values()
    ]
    others = [
        (X[..., columns].unsqueeze(-2) - Z[..., columns].unsqueeze(-3)).square().sum(-1)
        for columns in layout.parameters.values()
    ]
    return torch.stack([*blocks, *others])


def covariance(layout: Layout, theta: Tensor, products: Tensor) -> Tensor:
    """Return the covariances ``... x n x k`` from ``inner_products``."""
    a = len(layout.architecture)
    total: Tensor = torch.tensordot(theta[:a].exp(), products[:a], dims=1)
    if not layout.parameters:
        return total
    halves = 0.5 * torch.exp(-2 * theta[a + 1 : -1])
    exponent: Tensor = torch.tensordot(halves, products[a:], dims=1)
    return torch.exp(-exponent) * (total + theta[a].exp())


def _shortened(X: Tensor) -> Tensor:
    """Shorten the rows to a length of 1 at most."""
    length: Tensor = torch.linalg.vector_norm(X, dim=-1, keepdim=True)
    return X / length.clamp_min(1.0)


def _add_noise(K: Tensor, theta: Tensor) -> Tensor:
    return K + (theta[-1].exp() + _JITTER) * torch.eye(len(K), dtype=K.dtype)


def _most_probable(layout: Layout, products: Tensor, z: Tensor) -> Tensor:
    """Return the theta that maximises the posterior density."""
    a, p = len(layout.architecture), len(layout.parameters)
    priors = [_VARIANCE] * (a + (p > 0)) + [_LENGTHSCALE] * p + [_NOISE]
    mean, sd = torch.tensor(priors, dtype=torch.float64).T

    def loss(point: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        """Compute the negative log posterior density and its gradient."""
        theta = torch.tensor(point, requires_grad=True)
        with torch.enable_grad():
            L = torch.linalg.cholesky(_add_noise(covariance(layout, theta, products), theta))
            alpha = torch.cholesky_solve(z, L)
            misfit = 0.5 * (z * alpha).sum() + L.diagonal().log().sum()
            value = misfit + 0.5 * ((theta - mean) / sd).square().sum()
            (gradient,) = torch.autograd.grad(value, theta)
        return value.item(), gradient.numpy()

    low, high = (mean - 4 * sd).tolist(), (mean + 4 * sd).tolist()
    bounds = list(zip(low, high, strict=True))
    found = minimize(loss, mean.numpy(), jac=True, method="L-BFGS-B", bounds=bounds)
    return torch.from_numpy(np.asarray(found.x, dtype=np.float64))
