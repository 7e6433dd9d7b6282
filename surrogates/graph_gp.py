"""An exact Gaussian process over encodings, with the most probable hyper-parameters.

    y = mean + sd (f + e),   f ~ GP(0, k),   e ~ N(0, noise)
    Sigma = K + noise I = L L^T,   alpha = Sigma^-1 z,   z = (y - mean) / sd
    log p(z | theta) = -z.alpha / 2 - log det L - n/2 log 2 pi
    its gradient:  d/dtheta = tr[(alpha alpha^T - Sigma^-1) dK/dtheta] / 2

The hyper-parameters theta (logarithms) have normal priors; L-BFGS maximises the posterior density.
The likelihood and its gradient are written out rather than left to autograd: with the distances of
each block computed once, a fit of a hundred trials takes some tens of milliseconds.

Source: Rasmussen and Williams (2006), "Gaussian processes for machine learning", chapters 2 and 5.
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
from bonas.surrogates.kernel import BlockKernel
from bonas.surrogates.model import BeliefModel
from bonas.surrogates.training_data import Standardised, standardised

Array = npt.NDArray[np.float64]

_JITTER = 1e-6  # on the diagonal, for standardised values: keeps L defined when two rows are equal
_TOLERANCE = 1e-6  # relative change of the log density at which the fit ends
_PRIORS = {  # mean and standard deviation of a hyper-parameter's logarithm
    "variance": (math.log(0.5), 1.0),
    "lengthscale": (0.0, 1.0),
    "noise": (math.log(1e-2), 1.0),
}


class GraphGP(BeliefModel):
    """A Gaussian process with one kernel a block of the encoding (see ``kernel.py``).

    Fitted when constructed, and unchanged afterwards.

    Args:
        train_X: ``n x d`` encodings.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding; a block named ``gnn`` is left to other surrogates,
            unless there is nothing else.
        seed: Not used: the fit is deterministic.

    Raises:
        FitFailed: if there is no value, or one is not finite.
    """

    def __init__(self, train_X: Tensor, train_Y: Tensor, layout: Layout, seed: int = 0) -> None:
        super().__init__()
        self.data: Standardised = standardised(train_X, train_Y)
        own = layout.without("gnn")
        self.kernel = BlockKernel(own if own.architecture or own.parameters else layout)
        distances = self.kernel.distances(self.data.X, self.data.X)
        self.theta, self.log_noise = _most_probable(self.kernel, distances, self.data.z)
        covariance = _with_noise(self.kernel.matrix(self.theta, distances), self.log_noise)
        self.L = torch.linalg.cholesky(covariance)
        self.alpha = torch.cholesky_solve(self.data.z, self.L)

    @property
    def hyperparameters(self) -> dict[str, float]:
        """Their fitted values by name, for standardised values."""
        values = [*self.theta.exp().tolist(), math.exp(self.log_noise)]
        return dict(zip([*self.kernel.names, "noise"], values, strict=True))

    def _belief(self, X: Tensor, noisy: bool) -> Posterior:
        data, kernel = self.data, self.kernel
        X = X.to(data.X)
        # Kxz: batch x q x n;  V = L^-1 Kzx
        Kxz = kernel.matrix(self.theta, kernel.distances(X, data.X))
        flat = Kxz.reshape(-1, Kxz.shape[-1])
        V = torch.linalg.solve_triangular(self.L, flat.T, upper=False)
        V = V.T.reshape(Kxz.shape)
        mean = data.mean + data.sd * (Kxz @ self.alpha).squeeze(-1)
        if X.shape[-2] == 1:  # marginals: no matrix of distances is needed
            left = kernel.diagonal(self.theta) - V.square().sum(-1)
            covariance = left.clamp_min(0.0).unsqueeze(-1)
        else:
            covariance = kernel.matrix(self.theta, kernel.distances(X, X))
            covariance = covariance - V @ V.transpose(-1, -2)
        extra = _JITTER + math.exp(self.log_noise) if noisy else _JITTER
        covariance = covariance + extra * torch.eye(X.shape[-2], dtype=X.dtype)
        return GPyTorchPosterior(MultivariateNormal(mean, data.sd**2 * covariance))

    def held_out_log_density(self) -> Tensor:
        """``n`` log densities of each value under the belief from all the others.

        In closed form: with P = Sigma^-1, the mean is z_i - alpha_i / P_ii, the variance 1 / P_ii.
        """
        precision = torch.cholesky_inverse(self.L).diagonal()
        error = self.alpha.squeeze(-1) / precision
        log_density = 0.5 * (precision.log() - precision * error**2 - math.log(2 * math.pi))
        return log_density - math.log(self.data.sd)


def _with_noise(K: Tensor, log_noise: float) -> Tensor:
    return K + (math.exp(log_noise) + _JITTER) * torch.eye(len(K), dtype=K.dtype)


def _most_probable(kernel: BlockKernel, distances: Tensor, z: Tensor) -> tuple[Tensor, float]:
    """theta and the logarithm of the noise that maximise the posterior density."""
    families = [_family(name) for name in [*kernel.names, "noise"]]
    mean = np.array([_PRIORS[family][0] for family in families])
    sd = np.array([_PRIORS[family][1] for family in families])

    def loss(point: Array) -> tuple[float, Array]:
        value, gradient = _negative_log_likelihood(kernel, distances, z, torch.from_numpy(point))
        deviation = (point - mean) / sd
        return value + 0.5 * float(deviation @ deviation), gradient + deviation / sd

    bounds = list(zip(mean - 4 * sd, mean + 4 * sd, strict=True))
    found = minimize(
        loss, mean, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": _TOLERANCE}
    )
    point = torch.from_numpy(np.asarray(found.x, dtype=np.float64))
    return point[:-1], float(point[-1])


def _family(name: str) -> str:
    return name.split(" ", 1)[0]


def _negative_log_likelihood(
    kernel: BlockKernel, distances: Tensor, z: Tensor, point: Tensor
) -> tuple[float, Array]:
    """Without its constant; the last entry of ``point`` is the logarithm of the noise."""
    theta, log_noise = point[:-1], float(point[-1])
    terms = kernel.terms(theta, distances)
    L = torch.linalg.cholesky(_with_noise(terms.matrix(), log_noise))
    inverse = torch.cholesky_inverse(L)
    alpha = inverse @ z
    W = 0.5 * (inverse - alpha @ alpha.T)  # d loss / dK
    value = 0.5 * float((z * alpha).sum()) + float(L.diagonal().log().sum())
    gradient = terms.gradient(W)
    by_noise = float(W.trace()) * math.exp(log_noise)
    return value, np.append(gradient.numpy(), by_noise)
