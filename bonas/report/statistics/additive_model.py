"""Gaussian process that is a sum over parameters and one term for their interplay.

Symbols: ``n`` networks, ``d`` parameters; K_j the kernel of parameter j; D the mean distance over
all parameters; y values of mean 0 and variance 1.

    f(x) = c + f_1(x_1) + ... + f_d(x_d) + g(x)
    cov  = 1 + v_1 K_1 + ... + v_d K_d + v_g exp(-3 D)
    y    = f + noise of variance v_n

The logarithms of the d + 2 variances have normal priors, and the values of maximal posterior
density:

    L = y'A y / 2 + log det(A^-1) / 2 + priors,    A = (cov + v_n I)^-1
    dL/dv = (tr(A dK) - y'A dK A y) / 2

With thirty values a sum is what can be learnt of ten parameters.
Paper: D. Duvenaud, H. Nickisch, C. E. Rasmussen, "Additive Gaussian processes", NeurIPS 2011.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from bonas.report.statistics.choices import Parameter

Matrix = npt.NDArray[np.float64]

INTERPLAY = 3.0
"""Decay of the similarity in all parameters together, per mean distance."""
_PRIOR_SD = 1.5  # of the logarithm of a variance
_NOISE = 0.2  # median of its prior
_JITTER = 1e-8


@dataclass(frozen=True, slots=True)
class Kernels:
    """The kernel of each parameter and that of the interplay, between networks.

    Attributes:
        own: ``d x n x n``.
        distance: ``n x n`` mean distances over the parameters.
    """

    own: Matrix
    distance: Matrix

    @classmethod
    def of(cls, parameters: Sequence[Parameter]) -> Kernels:
        """Return those between all networks that the parameters describe."""
        own = np.stack([p.similarity(p.codes, p.codes) for p in parameters])
        distance = np.mean([p.distances(p.codes, p.codes) for p in parameters], axis=0)
        return cls(own, distance)

    def among(self, rows: npt.ArrayLike) -> Kernels:
        """Return those between some of the networks."""
        index = np.asarray(rows)
        square = np.ix_(index, index)
        return Kernels(self.own[:, square[0], square[1]], self.distance[square])

    def terms(self) -> Matrix:
        """Return the ``d + 1`` matrices that the variances multiply."""
        return np.concatenate([self.own, np.exp(-INTERPLAY * self.distance)[None]])


@dataclass(frozen=True, slots=True)
class AdditiveModel:
    """A fitted process.

    Attributes:
        variances: ``d`` of the parameters, then that of the interplay.
        noise: Variance of the noise.
        precision: ``A``, ``n x n``.
        weights: ``A y``, ``n``.
    """

    variances: Matrix
    noise: float
    precision: Matrix
    weights: Matrix

    @classmethod
    def fit(
        cls, kernels: Kernels, y: Matrix, start: AdditiveModel | None = None, steps: int = 60
    ) -> AdditiveModel:
        """Fit ``n`` values of mean 0 and variance 1, from the variances of ``start`` on."""
        terms = kernels.terms()
        centre = np.log(np.array([*[0.7 / len(kernels.own)] * len(kernels.own), 0.1, _NOISE]))
        first = centre if start is None else np.log([*start.variances, start.noise])

        def loss(logs: Matrix) -> tuple[float, Matrix]:
            return _loss(logs, terms, y, centre)

        bounds = [(-12.0, 4.0)] * (len(centre) - 1) + [(-9.0, 3.0)]
        start_at = np.clip(first, [low for low, _ in bounds], [high for _, high in bounds])
        found = minimize(
            loss,
            start_at,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": steps, "maxcor": 20},
        )
        v = np.exp(found.x)
        precision = _inverse(_covariance(v, terms))
        return cls(v[:-1], float(v[-1]), precision, precision @ y)


def _covariance(v: Matrix, terms: Matrix) -> Matrix:
    K: Matrix = np.tensordot(v[:-1], terms, axes=1)
    K += 1.0
    K += (v[-1] + _JITTER) * np.eye(terms.shape[1])
    return K


def _inverse(K: Matrix) -> Matrix:
    inverse: Matrix = cho_solve(cho_factor(K, lower=True), np.eye(len(K)))
    return inverse


def _loss(logs: Matrix, terms: Matrix, y: Matrix, centre: Matrix) -> tuple[float, Matrix]:
    """Return ``L`` and its gradient by the logarithms of the variances."""
    v = np.exp(logs)
    factor = cho_factor(_covariance(v, terms), lower=True)
    A = cho_solve(factor, np.eye(len(y)))
    Ay = A @ y
    B = A - np.outer(Ay, Ay)
    slopes = np.append(np.tensordot(terms, B, axes=2), np.trace(B)) * v / 2
    away = (logs - centre) / _PRIOR_SD
    value = float(y @ Ay) / 2 + float(np.log(np.diag(factor[0])).sum()) + float(away @ away) / 2
    return value, slopes + away / _PRIOR_SD
