"""The triangular solves of a Gaussian process for a pool of points, kept while its data grow.

    V = L^-1 K(X, pool),   explained = column sums of V * V

A new row of X adds a row to V and changes none of the others.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_CHUNK = 8_192  # points per triangular solve

Covariance = Callable[[Tensor, Tensor], Tensor]
"""``n x d`` and ``k x d`` points -> ``n x k`` covariances."""


class SolvedPool:
    """V and the explained variance of each row of ``pool`` (``N x d``); it grows in place."""

    def __init__(self, pool: Tensor) -> None:
        self.pool = pool
        self.explained = torch.zeros(len(pool), dtype=pool.dtype)
        self._X = pool[:0]
        self._rows = torch.empty(0, len(pool), dtype=pool.dtype)

    def fits(self, pool: Tensor, X: Tensor) -> bool:
        """Return whether it is the same pool (the same tensor), solved for first rows of ``X``."""
        n = len(self._X)
        return self.pool is pool and n <= len(X) and torch.equal(self._X, X[:n])

    def grow(self, X: Tensor, L: Tensor, covariance: Covariance) -> None:
        """Solve for the new rows of ``X``; ``L`` is the factor for all of ``X``."""
        n, total = len(self._X), len(X)
        if n == total:
            return
        if total > len(self._rows):
            room = torch.empty(max(total, 2 * n), len(self.pool), dtype=self.pool.dtype)
            room[:n] = self._rows[:n]
            self._rows = room
        for start in range(0, len(self.pool), _CHUNK):
            at = slice(start, start + _CHUNK)
            K = covariance(X[n:], self.pool[at])
            if n:
                K = K - L[n:, :n] @ self._rows[:n, at]
            new = torch.linalg.solve_triangular(L[n:, n:], K, upper=False)
            self._rows[n:total, at] = new
            self.explained[at] += new.square().sum(0)
        self._X = X

    def weighted(self, u: Tensor) -> Tensor:
        """Return V^T u, ``N``, for ``n x 1`` weights."""
        return (u.T @ self._rows[: len(u)]).squeeze(0)
