"""Regression of zero-cost scores on the graph: what a network would score, without its score.

    z = f + e,   f ~ GP(0, s K),   K = w exp(-|c - c'|^2 / 2 l^2) + (1 - w) exp(-|t - t'|^2 / 2 r^2)

over one-hot choices ``c`` and graph statistics ``t``, each scaled to a total variance of 1, and
``e`` with variance ``s g``. For each of ``k`` scores ``l``, ``r``, ``w`` and ``g`` are those of a
grid with the greatest marginal likelihood, of which ``s`` has its maximum in closed form:

    s = z.(K + g)^-1 z / n,   log p = -(n log s + log det(K + g)) / 2 + const

One eigendecomposition of ``K`` serves all scores and all ``g``.

Source: Rasmussen and Williams (2006), "Gaussian processes for machine learning", chapter 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from bonas.encoders.one_hot import OneHot
from bonas.encoders.statistics import GraphStatistics
from bonas.spaces import Architecture, Space
from bonas.threads import one_thread

_LENGTHS = (0.7, 1.5, 3.0)
_SHARES = (0.2, 0.5, 0.8)
_NOISES = (1e-3, 1e-2, 0.1, 0.5)


@dataclass(frozen=True)
class _Kernel:
    """The lengthscales over choices and statistics, and the share of the choices."""

    length: float
    range: float
    share: float

    def matrix(self, distances: Sequence[Tensor]) -> Tensor:
        """Compute ``n x m`` covariances from squared distances of choices and of statistics."""
        choices, statistics = distances
        near = torch.exp(choices * (-0.5 / self.length**2))
        alike = torch.exp(statistics * (-0.5 / self.range**2))
        return self.share * near + (1 - self.share) * alike


class GraphRegression:
    """Predicts ``k`` centred values of architectures from their graphs.

    Args:
        space: The space of the architectures.
        known: ``n`` architectures.
        values: Their values, ``n x k``, of mean 0; NaN where one has none.
    """

    def __init__(self, space: Space, known: Sequence[Architecture], values: Tensor) -> None:
        self._encoders = (OneHot(space), GraphStatistics(space))
        blocks = [encoder.encode(known) for encoder in self._encoders]
        self._scales = [_scale(block) for block in blocks]
        self._known = self._scaled(blocks)
        with one_thread():
            self._fits = self._fitted(values.nan_to_num(0.0))

    def predict(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``m x k`` posterior means."""
        blocks = self._scaled([encoder.encode(architectures) for encoder in self._encoders])
        with one_thread():
            apart = [torch.cdist(x, z).square() for x, z in zip(blocks, self._known, strict=True)]
            columns = [kernel.matrix(apart) @ alpha for kernel, alpha in self._fits]
        return torch.stack(columns, dim=1)

    def _fitted(self, values: Tensor) -> list[tuple[_Kernel, Tensor]]:
        """Return the kernel of each column with the greatest marginal likelihood, and its weights.

        The weights are ``(K + g)^-1 z``.
        """
        apart = [torch.cdist(x, x).square() for x in self._known]
        n, k = values.shape
        best = torch.full((k,), -torch.inf, dtype=values.dtype)
        fits: list[tuple[_Kernel, Tensor]] = [
            (_Kernel(1.0, 1.0, 0.5), values[:, j]) for j in range(k)
        ]
        for kernel in (_Kernel(*each) for each in product(_LENGTHS, _LENGTHS, _SHARES)):
            eigenvalues, Q = torch.linalg.eigh(kernel.matrix(apart))
            rotated = Q.T @ values
            for noise in _NOISES:
                spectrum = (eigenvalues.clamp_min(0.0) + noise).unsqueeze(1)
                s = (rotated.square() / spectrum).sum(0).clamp_min(1e-12) / n
                density = -0.5 * (n * s.log() + spectrum.log().sum())
                for j in torch.nonzero(density > best).flatten().tolist():
                    best[j] = density[j]
                    fits[j] = kernel, Q @ (rotated[:, j] / spectrum.squeeze(1))
        return fits

    def _scaled(self, blocks: Sequence[Tensor]) -> list[Tensor]:
        pairs = zip(blocks, self._scales, strict=True)
        return [(block - shift) * scale for block, (shift, scale) in pairs]


def _scale(block: Tensor) -> tuple[Tensor, Tensor]:
    """Return shift and scale: columns of equal variance, 1 in total; constant ones become 0."""
    sd = block.std(0, correction=0)
    varying = sd > 1e-9
    each = torch.where(varying, 1.0 / sd, 0.0) / max(1.0, float(varying.sum())) ** 0.5
    return block.mean(0), each
