"""Bayesian linear regression on features: the last layer of each member of an ensemble.

    z = phi.w + noise,   w ~ N(0, sigma^2 / lambda I),   noise ~ N(0, sigma^2)
    S = (Phi^T Phi + lambda I)^-1,   m = S Phi^T z,   f ~ N(phi.m, sigma^2 phi S phi^T)

with the lambda of the largest evidence; sigma^2 is shrunk to a weak prior.

Source: Snoek et al. (2015), "Scalable Bayesian optimization using deep neural networks", ICML.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_LAMBDAS = torch.logspace(-4, 3, 29, dtype=torch.float64, device="cpu")
_PRIOR_COUNT = 2.0  # the noise variance is shrunk as if this many errors
_PRIOR_NOISE = 0.1  # of this variance had been seen


@dataclass(frozen=True)
class BayesianLastLayer:
    """The posteriors of the weights of all members.

    ``mean``: members x p x 1; ``root``: members x p x p with sigma^2 S = root root^T;
    ``noise``: sigma^2 of each member.
    """

    mean: Tensor
    root: Tensor
    noise: Tensor

    def predict(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return means ``members x n`` and roots ``members x n x p`` of the joint covariance."""
        return (features @ self.mean).squeeze(-1), features @ self.root

    def marginals(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and variances without noise, ``members x n`` each."""
        mean, root = self.predict(features)
        return mean, root.square().sum(-1)


def fit_last_layer(features: Tensor, z: Tensor, keep: Tensor) -> BayesianLastLayer:
    """Condition each member on the rows with ``keep`` 1, with the lambda of the largest evidence.

    ``features``: members x n x p; ``z``: n x 1; ``keep``: members x n zeros and ones.
    """
    Phi = features * keep.unsqueeze(-1)
    target = z * keep.unsqueeze(-1)
    n = keep.sum(1)
    # Phi^T Phi = V diag(e) V^T;  c = V^T Phi^T z
    e, V = torch.linalg.eigh(Phi.transpose(1, 2) @ Phi)
    e = e.clamp_min(0.0)
    c = (V.transpose(1, 2) @ (Phi.transpose(1, 2) @ target)).squeeze(-1)
    # over lambda: what is left of z^T z, the noise, and the log evidence (members x lambdas)
    shrunk = e.unsqueeze(-1) + _LAMBDAS
    explained = (c.square().unsqueeze(-1) / shrunk).sum(1)
    left = target.square().sum((1, 2)).unsqueeze(-1) - explained
    count = (n + _PRIOR_COUNT).unsqueeze(-1)
    noise = (left.clamp_min(0.0) + _PRIOR_COUNT * _PRIOR_NOISE) / count
    log_det = (shrunk / _LAMBDAS).log().sum(1)
    best = (-0.5 * count * noise.log() - 0.5 * log_det).argmax(1)
    member = torch.arange(len(e))
    sigma2 = noise[member, best]
    d = 1 / (e + _LAMBDAS[best].unsqueeze(-1))
    mean = V @ (d * c).unsqueeze(-1)
    root = V * (sigma2.unsqueeze(-1) * d).sqrt().unsqueeze(1)
    return BayesianLastLayer(mean, root, sigma2)
