"""An exact Gaussian process over encodings.

    y = mean + sd (f + e),   f ~ GP(m, k),   e ~ N(0, noise)   (or the variance that is known)
    Sigma = K + diag(noise) = L L^T,   u = L^-1 (z - m(X)),   z = (y - mean) / sd
    f(p) | z ~ N(m(p) + V^T u, k(p, p) - V^T V),   V = L^-1 K(X, p)

The prior mean m is 0 unless a transfer prior is expected to be right (``Layout.prior_mean``).

With the hyper-parameters kept, L and V depend on no value, only on which points were evaluated. A
search adds one point at a time and asks about one large pool, so both grow by a row: a thousand
times less work than to factorise and to solve afresh (``condition_on``, ``marginals``).

Source: Rasmussen and Williams (2006), "Gaussian processes for machine learning", chapter 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.posteriors.posterior import Posterior
from gpytorch.distributions import MultivariateNormal
from torch import Tensor

from bonas.surrogates.kernel import Kernel
from bonas.surrogates.leave_one_out import loo_log_density
from bonas.surrogates.lower_fidelity import LowerFidelity
from bonas.surrogates.model import SurrogateModel
from bonas.surrogates.solved_pool import SolvedPool
from bonas.surrogates.training_data import TrainingData, standardise

JITTER = 1e-6  # on the diagonal, for standardised values: keeps L defined when two rows are equal
_ENTRIES = 40_000_000  # of V that are kept at most: 320 MB


PriorMean = Callable[[Tensor], Tensor | None]
"""``... x d`` encodings -> ``...`` expected standardised values; None where all are 0."""


def no_prior_mean(X: Tensor) -> None:
    """Expect 0 of every architecture."""


def residuals(data: TrainingData, prior_mean: PriorMean) -> Tensor:
    """Return by how much standardised values differ from the expected ones, ``n x 1``."""
    expected = prior_mean(data.X)
    return data.z if expected is None else data.z - expected.unsqueeze(1)


class GraphGP(SurrogateModel):
    """A Gaussian process with a sum of kernels over the blocks of the encoding (``kernel.py``).

    ``fit_graph_gp`` and ``fit_deep_kernel`` find the hyper-parameters; the model never changes.

    Args:
        kernel: The kernel, over the encodings of ``data``.
        theta: The logarithms of its hyper-parameters, in the order of ``kernel.names``.
        log_noise: The logarithm of the noise variance of a standardised value.
        data: ``n`` encodings and standardised values.
        prior_mean: ``... x d`` encodings -> ``...`` expected standardised values, or None for 0.
        L: ``k x k`` factor of the covariance of the first ``k`` rows, if known: it saves time.
        solved: What ``marginals`` has solved for the first rows of ``data``, if known.
    """

    def __init__(
        self,
        kernel: Kernel,
        theta: Tensor,
        log_noise: float,
        data: TrainingData,
        *,
        prior_mean: PriorMean = no_prior_mean,
        L: Tensor | None = None,
        solved: SolvedPool | None = None,
    ) -> None:
        super().__init__()
        self.kernel, self.theta, self.log_noise, self.data = kernel, theta, log_noise, data
        self.L = self._extend(data.X.new_zeros(0, 0) if L is None else L)
        self.prior_mean = prior_mean
        self.u = torch.linalg.solve_triangular(self.L, residuals(data, prior_mean), upper=False)
        self._solved = solved

    def condition_on(
        self,
        train_X: Tensor,
        train_Y: Tensor,
        train_Yvar: Tensor | None = None,
        lower: LowerFidelity | None = None,  # its hyper-parameters know of none
    ) -> GraphGP:
        """Return a model of other data with the same hyper-parameters.

        Fast where ``train_X`` begins with the rows of this model. Values at a lower fidelity are
        left to the next fit.
        """
        data = standardise(train_X, train_Y, train_Yvar)
        kept = self.kernel, self.theta, self.log_noise, data
        if not data.starts_with(self.data):
            return GraphGP(*kept, prior_mean=self.prior_mean)
        return GraphGP(*kept, prior_mean=self.prior_mean, L=self.L, solved=self._solved)

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The fitted values by name, for standardised values."""
        values = [*self.theta.exp().tolist(), math.exp(self.log_noise)]
        return dict(zip([*self.kernel.names, "noise"], values, strict=True))

    def marginals(self, pool: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and variances, ``N`` each, of the rows of ``pool`` (``N x d``).

        What was solved for a pool is kept for the next call with the same tensor, until a larger
        pool comes.
        """
        X = self.data.X
        solved = self._solved
        if solved is None or not solved.fits(pool, X):
            solved = SolvedPool(pool)
        solved.grow(X, self.L, self._covariance)
        largest = self._solved is None or len(pool) >= len(self._solved.pool)
        if largest and len(X) * len(pool) <= _ENTRIES:
            self._solved = solved
        left = (self.kernel.diagonal(self.theta, pool) - solved.explained).clamp_min(0.0)
        mean = self._mean(pool, solved.weighted(self.u))
        return mean, self.data.sd**2 * (left + JITTER)

    def loo_log_density(self) -> Tensor:
        """Return ``n`` log densities, each of one value given the others."""
        alpha = torch.linalg.solve_triangular(self.L.T, self.u, upper=True)
        return loo_log_density(self.L, alpha, self.data.sd)

    def _extend(self, L: Tensor) -> Tensor:
        """Return the factor for all rows, given that of the first ones.

        [[L, 0], [B^T, C]] with B = L^-1 K_12, C C^T = S_22 - B^T B.
        """
        old, new = self.data.X[: len(L)], self.data.X[len(L) :]
        if not len(new):
            return L
        corner = self._covariance(new, new)
        corner = add_noise(corner, self.log_noise, self.data.noise[len(L) :])
        if not len(old):
            first: Tensor = torch.linalg.cholesky(corner)
            return first
        B = torch.linalg.solve_triangular(L, self._covariance(old, new), upper=False)
        C = torch.linalg.cholesky(corner - B.T @ B)
        top = torch.cat([L, torch.zeros_like(B)], dim=1)
        return torch.cat([top, torch.cat([B.T, C], dim=1)])

    def _mean(self, X: Tensor, learnt: Tensor) -> Tensor:
        """Return the mean of rows ``X``: what is expected of them, and ``learnt``, standardised."""
        expected = self.prior_mean(X)
        z = learnt if expected is None else learnt + expected
        return self.data.mean + self.data.sd * z

    def _covariance(self, X: Tensor, Z: Tensor) -> Tensor:
        return self.kernel.covariance(self.theta, X, Z)

    def _joint_posterior(self, X: Tensor, noisy: bool) -> Posterior:
        data = self.data
        X = X.to(data.X)
        K = self._covariance(data.X, X.reshape(-1, X.shape[-1]))
        V = torch.linalg.solve_triangular(self.L, K, upper=False)
        V = V.T.reshape(*X.shape[:-1], -1)
        mean = self._mean(X, (V @ self.u).squeeze(-1))
        covariance = self._covariance(X, X) - V @ V.transpose(-1, -2)
        extra = JITTER + math.exp(self.log_noise) if noisy else JITTER
        covariance = covariance + extra * torch.eye(X.shape[-2], dtype=X.dtype)
        return GPyTorchPosterior(MultivariateNormal(mean, data.sd**2 * covariance))


def add_noise(K: Tensor, log_noise: float, known: Tensor) -> Tensor:
    """Add noise to the diagonal: ``known`` holds ``n`` variances, NaN for the fitted noise."""
    return K + torch.diag(known.nan_to_num(math.exp(log_noise)) + JITTER)
