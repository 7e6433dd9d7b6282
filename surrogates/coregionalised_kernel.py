"""A kernel over several outputs of one function: intrinsic coregionalisation.

    k((x, i), (x', j)) = B_ij k(x, x'),   B = A A^T,   A = | 1            |
                                                           | w_1  a_11    |
                                                           | w_2  c   a_22|

Output 0 is the one that counts, the final value; the others are values at lower fidelities. With
B_00 = 1 the covariance of final values is k itself: without other outputs this is the ordinary
process. w_j says what output j shares with the final value, a_jj^2 = v_j what it has of its own,
and the entries c what two lower fidelities share beside that. Any A makes B positive semidefinite.

Where a transfer prior is expected to be right, final values have a prior mean m, and output i has
what it shares of it: m(x, i) = A_i0 m(x).

The last column of a point is the number of its output. The hyper-parameters are theta = (those of
k, w_j..., c..., log v_j...); with o lower fidelities there are o, o (o - 1) / 2 and o of the new
ones, c in the order of the rows of A.

Source: Bonilla, Chai and Williams (2008), "Multi-task Gaussian process prediction", NeurIPS 20;
Swersky, Snoek and Adams (2013), "Multi-task Bayesian optimization", NeurIPS 26.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.surrogates.kernel import BlockKernel


@dataclass(frozen=True)
class CoregionalisedKernel:
    """The kernel over encodings with an output's number.

    Args:
        base: The kernel k.
        fidelities: The names of the outputs after output 0.
    """

    base: BlockKernel
    fidelities: Sequence[Hashable]

    @property
    def first(self) -> int:
        """The index of w_1 in theta."""
        return len(self.base.names)

    @property
    def names(self) -> list[str]:
        """The names of the hyper-parameters, in the order of theta."""
        own, o = self.fidelities, len(self.fidelities)
        between = [f"shared by {own[k]} and {own[j]}" for j in range(o) for k in range(j)]
        return [
            *self.base.names,
            *(f"shared with {name}" for name in own),
            *between,
            *(f"variance of {name} alone" for name in own),
        ]

    def factor(self, theta: Tensor) -> Tensor:
        """Return A, ``(o + 1) x (o + 1)``."""
        o = len(self.fidelities)
        A = theta.new_zeros(o + 1, o + 1)
        A[0, 0] = 1.0
        A[1:, 0], below, alone = self._parts(theta)
        rows, columns = self._below
        A[rows, columns] = below
        A[range(1, o + 1), range(1, o + 1)] = torch.exp(0.5 * alone)
        return A

    def outputs(self, theta: Tensor) -> Tensor:
        """Return B, ``(o + 1) x (o + 1)``."""
        A = self.factor(theta)
        return A @ A.T

    def covariance(self, theta: Tensor, X: Tensor, Z: Tensor) -> Tensor:
        """Return the ``... x n x k`` covariances of ``n`` and ``k`` points with their outputs."""
        i, j = X[..., -1].long().unsqueeze(-1), Z[..., -1].long().unsqueeze(-2)
        B, own = self.outputs(theta)[i, j], theta[: self.first]
        if X.ndim > 2:
            return B * self.base.covariance(own, X, Z)
        points, row = torch.unique(X[:, :-1], dim=0, return_inverse=True)  # several outputs each
        return B * self.base.covariance(own, points, Z)[row]

    def prior_mean(self, theta: Tensor, X: Tensor) -> Tensor | None:
        """Return the prior means of points with their outputs, ``...``; None where all are 0."""
        expected = self.base.layout.prior_mean(X)
        return expected if expected is None else self.factor(theta)[X[..., -1].long(), 0] * expected

    def diagonal(self, theta: Tensor, X: Tensor) -> Tensor:
        """Return k(x, x) of each point of ``... x n x d``."""
        i = X[..., -1].long()
        return self.outputs(theta).diagonal()[i] * self.base.diagonal(theta[: self.first], X)

    def gradient(self, theta: Tensor, G: Tensor) -> Tensor:
        """Return the gradient in (w, c, log v) of a function whose gradient in B is ``G``.

        d / dA = 2 G A, for a symmetric G;   d a_jj / d log v_j = a_jj / 2
        """
        A = self.factor(theta)
        by_A = 2 * G @ A
        rows, columns = self._below
        alone = by_A.diagonal()[1:] * A.diagonal()[1:] / 2
        return torch.cat([by_A[1:, 0], by_A[rows, columns], alone])

    @property
    def _below(self) -> tuple[list[int], list[int]]:
        """The rows and columns of the entries c."""
        o = len(self.fidelities)
        pairs = [(j, k) for j in range(1, o + 1) for k in range(1, j)]
        return [j for j, _ in pairs], [k for _, k in pairs]

    def _parts(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        o, start = len(self.fidelities), self.first
        w, c, alone = torch.split(theta[start:], [o, o * (o - 1) // 2, o])
        return w, c, alone
