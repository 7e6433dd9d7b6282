"""An exact Gaussian process over encodings, with the most probable hyper-parameters.

    y = mean + sd (f + e),   f ~ GP(0, k),   e ~ N(0, noise)   (or the variance that is known)
    Sigma = K + diag(noise) = L L^T,   u = L^-1 z,   z = (y - mean) / sd
    f(p) | z ~ N(V^T u, k(p, p) - V^T V),   V = L^-1 K(X, p)
    log p(z | theta) = -u.u / 2 - log det L - n/2 log 2 pi
    its gradient:  d/dtheta = tr[(alpha alpha^T - Sigma^-1) dK/dtheta] / 2,   alpha = L^-T u

The hyper-parameters theta (logarithms) have normal priors; L-BFGS maximises the posterior density.
The likelihood and its gradient are written out rather than left to autograd: with the distances of
each block computed once, a fit of a hundred trials takes some tens of milliseconds.

With theta kept, L and V depend on no value, only on which points were evaluated. A search adds one
point at a time and asks about one large pool, so both grow by a row: a thousand times less work
than to factorise and to solve afresh (``conditioned``, ``marginals``).

Source: Rasmussen and Williams (2006), "Gaussian processes for machine learning", chapters 2 and 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.posteriors.posterior import Posterior
from gpytorch.distributions import MultivariateNormal
from scipy.optimize import minimize
from torch import Tensor

from bonas.encoders.layout import PRIOR, Layout
from bonas.surrogates.kernel import BlockKernel, Term
from bonas.surrogates.model import BeliefModel
from bonas.surrogates.solved_pool import SolvedPool
from bonas.surrogates.training_data import Standardised, standardised

Array = npt.NDArray[np.float64]

_JITTER = 1e-6  # on the diagonal, for standardised values: keeps L defined when two rows are equal
_TOLERANCE = 1e-6  # relative change of the log density at which the fit ends
_FITTED = 200  # values that settle the hyper-parameters: evenly spread over all
_ENTRIES = 40_000_000  # of V that are kept at most: 320 MB
_PRIORS = {  # mean and standard deviation of a hyper-parameter's logarithm
    "variance": (math.log(0.5), 1.0),
    "lengthscale": (0.0, 1.0),
    "weight": (0.0, 1.5),
    "noise": (math.log(1e-2), 1.0),
}


class GraphGP(BeliefModel):
    """A Gaussian process with a sum of kernels over the blocks of the encoding (``kernel.py``).

    Fitted when constructed, and unchanged afterwards.

    Args:
        train_X: ``n x d`` encodings.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding.
        seed: Not used: the fit is deterministic.
        train_Yvar: ``n x 1`` variances of the values where they are known, else NaN; these get the
            noise that is fitted.
        terms: (block, shape) pairs; by default one for each block, of the shape below.
        shape: ``smooth`` or ``rough``, of the default terms; that of the block ``prior`` is linear.
        embedding: Whether the default terms have a rough one for the block ``gnn``; without it that
            block is left to other surrogates, unless there is nothing else.
        trend: Whether the default terms have a linear one for the block ``statistics`` as well:
            what each operation adds, learnt where the space knows no costs.

    Raises:
        FitFailed: if there is no value, or one is not finite.
        InvalidArgument: for a term over no block of the layout, or of an unknown shape.
    """

    def __init__(
        self,
        train_X: Tensor,
        train_Y: Tensor,
        layout: Layout,
        seed: int = 0,
        *,
        train_Yvar: Tensor | None = None,
        terms: Sequence[Term] | None = None,
        shape: str = "smooth",
        embedding: bool = False,
        trend: bool = False,
    ) -> None:
        super().__init__()
        if terms is None:
            own = layout.without("gnn")
            alone = not (own.architecture.keys() - {PRIOR} or own.parameters)
            layout = layout if embedding or alone else own
            of_block = {PRIOR: "linear", **({"gnn": "rough"} if embedding else {})}
            terms = [(block, of_block.get(block, shape)) for block in layout.architecture]
            if trend and "statistics" in layout.architecture:
                terms.append(("statistics", "linear"))
        self.kernel = BlockKernel(layout, terms)
        data = standardised(train_X, train_Y, train_Yvar)
        every = slice(None, None, -(-len(data.z) // _FITTED))
        distances = self.kernel.distances(data.X[every], data.X[every])
        self.theta, self.log_noise = _most_probable(
            self.kernel, distances, data.z[every], data.noise[every]
        )
        self._learn(data, torch.zeros(0, 0, dtype=torch.float64))
        self._solved: SolvedPool | None = None

    def conditioned(
        self, train_X: Tensor, train_Y: Tensor, train_Yvar: Tensor | None = None
    ) -> GraphGP:
        """A model of other data with the same hyper-parameters.

        Fast where ``train_X`` begins with the rows that this model knows.
        """
        model: GraphGP = self.__class__.__new__(self.__class__)
        BeliefModel.__init__(model)
        model.kernel, model.theta, model.log_noise = self.kernel, self.theta, self.log_noise
        data, n = standardised(train_X, train_Y, train_Yvar), len(self.data.X)
        grown = len(data.X) >= n and torch.equal(data.X[:n], self.data.X)
        grown = grown and torch.equal(data.noise[:n].nan_to_num(-1), self.data.noise.nan_to_num(-1))
        model._learn(data, self.L if grown else self.L[:0, :0])
        model._solved = self._solved if grown else None
        return model

    @property
    def hyperparameters(self) -> dict[str, float]:
        """Their fitted values by name, for standardised values."""
        values = [*self.theta.exp().tolist(), math.exp(self.log_noise)]
        return dict(zip([*self.kernel.names, "noise"], values, strict=True))

    def marginals(self, pool: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances, ``N`` each, of the rows of ``pool`` (``N x d``), each by itself.

        What was computed for a pool is kept for the next question about the same tensor, or until
        a larger pool comes.
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
        mean = self.data.mean + self.data.sd * solved.weighted(self.u)
        return mean, self.data.sd**2 * (left + _JITTER)

    def _learn(self, data: Standardised, L: Tensor) -> None:
        """Take the data in; ``L`` is the factor of the covariance of its first rows."""
        self.data = data
        self.L = self._extended(L)
        self.u = torch.linalg.solve_triangular(self.L, data.z, upper=False)

    def _extended(self, L: Tensor) -> Tensor:
        """The factor for all rows: [[L, 0], [B^T, C]] with B = L^-1 K_12, C C^T = S_22 - B^T B."""
        old, new = self.data.X[: len(L)], self.data.X[len(L) :]
        if not len(new):
            return L
        corner = self._covariance(new, new)
        corner = _with_noise(corner, self.log_noise, self.data.noise[len(L) :])
        if not len(old):
            first: Tensor = torch.linalg.cholesky(corner)
            return first
        B = torch.linalg.solve_triangular(L, self._covariance(old, new), upper=False)
        C = torch.linalg.cholesky(corner - B.T @ B)
        top = torch.cat([L, torch.zeros_like(B)], dim=1)
        return torch.cat([top, torch.cat([B.T, C], dim=1)])

    def _covariance(self, X: Tensor, Z: Tensor) -> Tensor:
        return self.kernel.matrix(self.theta, self.kernel.distances(X, Z))

    def _belief(self, X: Tensor, noisy: bool) -> Posterior:
        data = self.data
        X = X.to(data.X)
        K = self._covariance(data.X, X.reshape(-1, X.shape[-1]))
        V = torch.linalg.solve_triangular(self.L, K, upper=False)
        V = V.T.reshape(*X.shape[:-1], -1)
        mean = data.mean + data.sd * (V @ self.u).squeeze(-1)
        covariance = self._covariance(X, X) - V @ V.transpose(-1, -2)
        extra = _JITTER + math.exp(self.log_noise) if noisy else _JITTER
        covariance = covariance + extra * torch.eye(X.shape[-2], dtype=X.dtype)
        return GPyTorchPosterior(MultivariateNormal(mean, data.sd**2 * covariance))

    def held_out_log_density(self) -> Tensor:
        """``n`` log densities of each value under the belief from all the others."""
        alpha = torch.linalg.solve_triangular(self.L.T, self.u, upper=True)
        return left_out_log_density(self.L, alpha, self.data.sd)


def left_out_log_density(L: Tensor, alpha: Tensor, sd: float) -> Tensor:
    """``n`` log densities, in the values' unit, of each value given all the others.

    In closed form: with P = Sigma^-1, the mean is z_i - alpha_i / P_ii, the variance 1 / P_ii
    (Rasmussen and Williams, 2006, section 5.4).
    """
    precision = torch.cholesky_inverse(L).diagonal()
    error = alpha.squeeze(-1) / precision
    spread = precision.log() - math.log(2 * math.pi)
    log_density: Tensor = 0.5 * (spread - precision * error**2) - math.log(sd)
    return log_density


def _with_noise(K: Tensor, log_noise: float, known: Tensor) -> Tensor:
    """``known``: ``n`` variances, NaN where the fitted noise counts."""
    return K + torch.diag(known.nan_to_num(math.exp(log_noise)) + _JITTER)


def _most_probable(
    kernel: BlockKernel, distances: Tensor, z: Tensor, known: Tensor
) -> tuple[Tensor, float]:
    """theta and the logarithm of the noise that maximise the posterior density."""
    families = [_family(name) for name in [*kernel.names, "noise"]]
    mean = np.array([_PRIORS[family][0] for family in families])
    sd = np.array([_PRIORS[family][1] for family in families])

    def loss(point: Array) -> tuple[float, Array]:
        value, gradient = _negative_log_likelihood(
            kernel, distances, z, known, torch.from_numpy(point)
        )
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
    kernel: BlockKernel, distances: Tensor, z: Tensor, known: Tensor, point: Tensor
) -> tuple[float, Array]:
    """Without its constant; the last entry of ``point`` is the logarithm of the noise."""
    theta, log_noise = point[:-1], float(point[-1])
    parts = kernel.parts(theta, distances)
    L = torch.linalg.cholesky(_with_noise(parts.matrix(), log_noise, known))
    inverse = torch.cholesky_inverse(L)
    alpha = inverse @ z
    W = 0.5 * (inverse - alpha @ alpha.T)  # d loss / dK
    value = 0.5 * float((z * alpha).sum()) + float(L.diagonal().log().sum())
    gradient = parts.gradient(W)
    by_noise = float(W.diagonal()[known.isnan()].sum()) * math.exp(log_noise)
    return value, np.append(gradient.numpy(), by_noise)
