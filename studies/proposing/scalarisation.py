"""Random augmented Chebyshev scalarisations: many objectives as one, for one proposal.

    z_j = (t_j - y_j) / (t_j - r_j)            t the best known value, r the reference point
    s(y) = -max_j w_j z_j - 0.05 sum_j w_j z_j,    w ~ Dirichlet(1, ..., 1)

What maximises s for some w is on the front, and nearly every point of the front does for some w. So
each proposal looks for the expected improvement of s under weights of its own, and all proposals
together for the whole front. There are no boxes, and the cost is linear in the objectives.

Sources: Knowles (2006), "ParEGO", IEEE Transactions on Evolutionary Computation 10; Daulton,
Balandat and Bakshy (2020), "Differentiable expected hypervolume improvement", NeurIPS (qParEGO);
Ament et al. (2023), "Unexpected improvements to expected improvement", NeurIPS (the logarithm).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from botorch.utils.safe_math import log_fatplus
from torch import Tensor
from torch.quasirandom import SobolEngine

_AUGMENTED = 0.05  # of the sum, so that no weakly dominated point is best
_SAMPLES = 64  # of each candidate's marginal posterior
_CHUNK = 4_096  # candidates scored at once
_TAU = 1e-3  # how far below the best value an improvement still counts, in units of s
_LEAST_SPAN = 1e-3  # of an objective between reference point and best value, in its deviations


@dataclass(frozen=True)
class Scalarisation:
    """``m`` objectives as one, for oriented values on the scale of ``Posteriors``."""

    weights: Tensor
    best: Tensor
    span: Tensor

    @classmethod
    def draw(
        cls, known_mean: Tensor, reference_point: Tensor, rng: np.random.Generator
    ) -> Scalarisation:
        """Draw random weights, for the range from ``m`` reference values to the best of ``n``."""
        m = known_mean.shape[-1]
        best = known_mean.amax(0)
        span = (best - reference_point).clamp_min(_LEAST_SPAN)
        return cls(torch.from_numpy(rng.dirichlet(np.ones(m))), best, span)

    def __call__(self, values: Tensor) -> Tensor:
        """Return the scalarisation of ``... x m`` values, ``...``; more is better."""
        z = self.weights * (self.best - values) / self.span
        return -z.amax(-1) - _AUGMENTED * z.sum(-1)

    def screening(self, mean: Tensor, variance: Tensor, known_mean: Tensor) -> Tensor:
        """Return ``N`` logarithms of the expected improvement over the best known point.

        By samples of each marginal posterior, ``mean`` and ``variance`` ``N x m``; all candidates
        share their deviations.
        """
        most = self(known_mean).max()
        base = SobolEngine(mean.shape[-1], scramble=True, seed=0)  # type: ignore[no-untyped-call]  # torch's
        uniform = base.draw(_SAMPLES, dtype=mean.dtype).clamp(1e-6, 1 - 1e-6)
        deviations = torch.special.ndtri(uniform).unsqueeze(1)
        scores = []
        parts = zip(torch.split(mean, _CHUNK), torch.split(variance, _CHUNK), strict=True)
        for mu, v in parts:
            gained = self(mu + v.sqrt() * deviations) - most
            scores.append(log_fatplus(gained, tau=_TAU).logsumexp(0) - math.log(_SAMPLES))
        return torch.cat(scores)
