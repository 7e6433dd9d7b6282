"""A sum of kernels over the blocks of an encoding, times a kernel over other parameters.

    k(x, x') = k_p(x, x') [ sum_b s_b exp(-|x_b - x'_b|^2 / (2 l_b^2)) + s_p ]
    k_p(x, x') = exp(-sum_j |x_j - x'_j|^2 / (2 l_j^2))

Symbols: b a block of architecture features, scaled so that |x_b - x'_b|^2 is 2 on average; s_b the
variance that the block explains, l_b its lengthscale; j a parameter outside the space (a learning
rate, say), l_j its lengthscale, s_p the variance explained without the architecture. Without such
parameters k_p is 1 and s_p is left out.

The hyper-parameters stand as logarithms in one vector: theta = (s_b..., l_b..., [s_p, l_j...]).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.encoders.layout import Layout


@dataclass(frozen=True)
class BlockKernel:
    """The kernel over encodings of one layout; ``a`` architecture blocks, ``p`` parameters."""

    layout: Layout

    @property
    def a(self) -> int:
        """The number of architecture blocks."""
        return len(self.layout.architecture)

    @property
    def p(self) -> int:
        """The number of parameters outside the space."""
        return len(self.layout.parameters)

    @property
    def names(self) -> list[str]:
        """The names of the hyper-parameters, in the order of theta."""
        blocks, others = self.layout.architecture, self.layout.parameters
        names = [f"variance of {b}" for b in blocks] + [f"lengthscale of {b}" for b in blocks]
        if others:
            names += ["variance without architecture", *(f"lengthscale of {j}" for j in others)]
        return names

    def distances(self, X: Tensor, Z: Tensor) -> Tensor:
        """Squared distances of each block, ``(a + p) x ... x n x k``, of ``n`` and ``k`` points."""
        blocks = [_squared_distance(X[..., columns], Z[..., columns]) for columns in self.layout]
        return torch.stack(blocks)

    def matrix(self, theta: Tensor, distances: Tensor) -> Tensor:
        """``... x n x k`` covariances from ``distances``."""
        return self.terms(theta, distances).matrix()

    def diagonal(self, theta: Tensor) -> Tensor:
        """k(x, x), the same for every x."""
        return theta[: self.a].exp().sum() + (theta[2 * self.a].exp() if self.p else 0.0)

    def terms(self, theta: Tensor, distances: Tensor) -> Terms:
        """What the covariances and their gradient are made of, computed once for both."""
        a = self.a
        terms = [
            torch.exp(theta[b] - distances[b] * (0.5 * torch.exp(-2 * theta[a + b])))
            for b in range(a)
        ]
        if not self.p:
            return Terms(theta, distances, terms, None)
        terms.append(theta[2 * a].exp())
        halves = 0.5 * torch.exp(-2 * theta[2 * a + 1 :])
        exponent = torch.einsum("j,j...->...", halves, distances[a:])
        return Terms(theta, distances, terms, torch.exp(-exponent))


@dataclass(frozen=True)
class Terms:
    """The terms of the sum over blocks (s_p the last, if there are parameters), and k_p."""

    theta: Tensor
    distances: Tensor
    terms: list[Tensor]
    k_p: Tensor | None

    def matrix(self) -> Tensor:
        """k_p times the sum of the terms."""
        total = sum(self.terms[1:], start=self.terms[0])
        return total if self.k_p is None else self.k_p * total

    def gradient(self, W: Tensor) -> Tensor:
        """The gradient of sum(W * matrix) in theta."""
        a = len(self.terms) - (self.k_p is not None)
        weighted = W if self.k_p is None else W * self.k_p
        by_variance, by_lengthscale = [], []
        for b in range(a):
            part = weighted * self.terms[b]  # W * d matrix / d log s_b
            by_variance.append(part.sum())
            by_lengthscale.append(torch.tensordot(part, self.distances[b]) * self._inverse(a + b))
        if self.k_p is None:
            return torch.stack([*by_variance, *by_lengthscale])
        rest = [(weighted * self.terms[a]).sum()]
        whole = W * self.matrix()
        rest.extend(
            torch.tensordot(whole, self.distances[a + j]) * self._inverse(2 * a + 1 + j)
            for j in range(len(self.distances) - a)
        )
        return torch.stack([*by_variance, *by_lengthscale, *rest])

    def _inverse(self, index: int) -> Tensor:
        """1 / l^2 of the lengthscale at ``index``."""
        return torch.exp(-2 * self.theta[index])


def _squared_distance(X: Tensor, Z: Tensor) -> Tensor:
    """|x|^2 - 2 x.z + |z|^2, never below zero."""
    inner = X @ Z.transpose(-1, -2)
    squares = X.square().sum(-1, keepdim=True) + Z.square().sum(-1).unsqueeze(-2)
    return (squares - 2 * inner).clamp_min_(0.0)
