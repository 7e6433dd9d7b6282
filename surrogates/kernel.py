"""A sum of kernels over the blocks of an encoding, times a kernel over other parameters.

    k(x, x') = k_p(x, x') [ sum_t s_t phi_t(x_b, x'_b) + s_p ],   b the block of term t
    phi = exp(-r^2 / 2)    rbf: the smooth trend over a block
    phi = exp(-r)          matern12: what a small change of a network does to its value
    phi = 1 + <x_b, x'_b>  linear: f = w_0 + <w, x_b>, each weight ~ N(0, s_t)
    r = |x_b - x'_b| / l_t
    k_p(x, x') = exp(-sum_j |x_j - x'_j|^2 / (2 l_j^2))

Symbols: b a block of architecture features, scaled so that |x_b - x'_b|^2 is 2 on average; t a
term, one phi over one block; s_t the variance that the term explains (of a linear one: that of its
weights), l_t its lengthscale (a linear one has none); j a parameter outside the space (a learning
rate, say), l_j its lengthscale, s_p the variance explained without the architecture. Without such
parameters k_p is 1 and s_p is left out. A block that explains nothing gets a small s_t: the sum
learns which blocks matter.

The logarithms of the hyper-parameters form one vector: theta = (s_t..., l_t..., [s_p, l_j...]).

Source: Rasmussen and Williams (2006), "Gaussian processes for machine learning", chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.errors import InvalidArgument, unknown

SHAPES = ("rbf", "matern12", "linear")
"""The choices of phi."""

_ROUNDING = 1e-10  # squared distances below it are 0

Term = tuple[str, str]
"""A block's name and one of ``SHAPES``."""


class Kernel(Protocol):
    """What a Gaussian process needs of a kernel; ``theta`` are its hyper-parameters."""

    @property
    def names(self) -> list[str]:
        """The names of the hyper-parameters, in the order of theta."""
        ...

    def covariance(self, theta: Tensor, X: Tensor, Z: Tensor) -> Tensor:
        """Return the ``... x n x k`` covariances of ``n`` and ``k`` points."""
        ...

    def diagonal(self, theta: Tensor, X: Tensor) -> Tensor:
        """Return k(x, x) of each point of ``... x n x d``."""
        ...


@dataclass(frozen=True)
class BlockKernel:
    """The kernel over encodings of one layout; ``a`` terms over blocks, ``p`` parameters.

    Args:
        layout: The blocks of the encoding.
        terms: (block, shape) pairs.

    Raises:
        InvalidArgument: for a block that the layout lacks, or an unknown shape.
    """

    layout: Layout
    terms: Sequence[Term]

    def __post_init__(self) -> None:
        for block, shape in self.terms:
            if block not in self.layout.architecture:
                raise InvalidArgument(
                    f"the encoding has no block {block!r}, only {sorted(self.layout.architecture)}"
                )
            if shape not in SHAPES:
                raise unknown("kernel shape", shape, SHAPES)

    @property
    def a(self) -> int:
        """The number of terms over architecture blocks."""
        return len(self.terms)

    @property
    def lengths(self) -> Mapping[int, int]:
        """The terms that have a lengthscale -> its index in theta."""
        scaled = [t for t, (_, shape) in enumerate(self.terms) if shape != "linear"]
        return {t: self.a + i for i, t in enumerate(scaled)}

    @property
    def first(self) -> int:
        """The index of s_p in theta."""
        return self.a + len(self.lengths)

    @property
    def p(self) -> int:
        """The number of parameters outside the space."""
        return len(self.layout.parameters)

    @property
    def names(self) -> list[str]:
        """The names of the hyper-parameters, in the order of theta."""
        others = self.layout.parameters
        names = [
            f"weight of {b}" if shape == "linear" else f"variance of {b} ({shape})"
            for b, shape in self.terms
        ]
        names += ["lengthscale of {} ({})".format(*self.terms[t]) for t in self.lengths]
        if others:
            names += ["variance without architecture", *(f"lengthscale of {j}" for j in others)]
        return names

    def distances(self, X: Tensor, Z: Tensor) -> Tensor:
        """Compute the distances of each term's block, and squared distances of each parameter.

        ``(a + p) x ... x n x k`` for ``n`` and ``k`` points; squared for an rbf term, phi itself
        for a linear one.
        """
        own, others = self.layout.architecture, self.layout.parameters
        needed = {block: own[block] for block, shape in self.terms if shape != "linear"}
        known = {name: _squared_distance(X[..., c], Z[..., c]) for name, c in needed.items()}
        of_shape: Mapping[str, Callable[[str], Tensor]] = {
            "rbf": lambda b: known[b],
            "matern12": lambda b: known[b].sqrt(),
            "linear": lambda b: 1.0 + X[..., own[b]] @ Z[..., own[b]].transpose(-1, -2),
        }
        blocks = [of_shape[shape](block) for block, shape in self.terms]
        return torch.stack(
            [*blocks, *(_squared_distance(X[..., c], Z[..., c]) for c in others.values())]
        )

    def matrix(self, theta: Tensor, distances: Tensor) -> Tensor:
        """Return ``... x n x k`` covariances from ``distances``."""
        return self.parts(theta, distances).matrix()

    def covariance(self, theta: Tensor, X: Tensor, Z: Tensor) -> Tensor:
        """Return the ``... x n x k`` covariances of ``n`` and ``k`` points."""
        return self.matrix(theta, self.distances(X, Z))

    def diagonal(self, theta: Tensor, X: Tensor) -> Tensor:
        """Compute k(x, x) of each point of ``... x n x d``; only linear terms depend on x."""
        same = theta[list(self.lengths)].exp().sum() + (theta[self.first].exp() if self.p else 0.0)
        total = same.expand(X.shape[:-1])
        for t, (block, shape) in enumerate(self.terms):
            if shape == "linear":
                columns = self.layout.architecture[block]
                total = total + theta[t].exp() * (1.0 + X[..., columns].square().sum(-1))
        return total

    def parts(self, theta: Tensor, distances: Tensor) -> Parts:
        """Compute the parts that the covariances and their gradient share."""
        exponents, terms = {}, []
        for t, (_, shape) in enumerate(self.terms):
            if shape == "linear":
                terms.append(theta[t].exp() * distances[t])
                continue
            log_l = theta[self.lengths[t]]
            scale = torch.exp(-log_l) if shape == "matern12" else 0.5 * torch.exp(-2 * log_l)
            exponent = distances[t] * scale
            exponents[t] = exponent
            terms.append(torch.exp(theta[t] - exponent))
        if not self.p:
            return Parts(self, theta, distances, terms, exponents, None)
        terms.append(theta[self.first].exp())
        halves = 0.5 * torch.exp(-2 * theta[self.first + 1 :])
        outside = torch.einsum("j,j...->...", halves, distances[self.a :])
        return Parts(self, theta, distances, terms, exponents, torch.exp(-outside))


@dataclass(frozen=True)
class Parts:
    """The terms of the sum (s_p last, if there are parameters), their exponents, and k_p."""

    kernel: BlockKernel
    theta: Tensor
    distances: Tensor
    terms: list[Tensor]
    exponents: Mapping[int, Tensor]
    k_p: Tensor | None

    def matrix(self) -> Tensor:
        """Return k_p times the sum of the terms."""
        total = sum(self.terms[1:], start=self.terms[0])
        return total if self.k_p is None else self.k_p * total

    def gradient(self, W: Tensor) -> Tensor:
        """Return the gradient of sum(W * matrix) in theta.

        The exponent is a power of r = distance / l: d exp(-r^2/2) / d log l = r^2 exp(-r^2/2),
        and d exp(-r) / d log l = r exp(-r).
        """
        a, first = self.kernel.a, self.kernel.first
        weighted = W if self.k_p is None else W * self.k_p
        by_variance, by_lengthscale = [], []
        for t, (_, shape) in enumerate(self.kernel.terms):
            part = weighted * self.terms[t]  # W * d matrix / d log s_t
            by_variance.append(part.sum())
            if shape == "linear":
                continue
            slope = torch.tensordot(part, self.exponents[t])
            by_lengthscale.append(slope if shape == "matern12" else 2 * slope)
        if self.k_p is None:
            return torch.stack([*by_variance, *by_lengthscale])
        rest = [(weighted * self.terms[a]).sum()]
        whole = W * self.matrix()
        rest.extend(
            torch.tensordot(whole, self.distances[a + j])
            * torch.exp(-2 * self.theta[first + 1 + j])
            for j in range(self.kernel.p)
        )
        return torch.stack([*by_variance, *by_lengthscale, *rest])


def _squared_distance(X: Tensor, Z: Tensor) -> Tensor:
    """Compute |x|^2 - 2 x.z + |z|^2; 0 where that is rounding, which a root would enlarge."""
    inner = X @ Z.transpose(-1, -2)
    squares = X.square().sum(-1, keepdim=True) + Z.square().sum(-1).unsqueeze(-2)
    squared: Tensor = torch.nn.functional.threshold(squares - 2 * inner, _ROUNDING, 0.0)
    return squared
