"""Dominance: how points with several objectives are ranked (Deb et al., 2002, NSGA-II).

A row dominates another if it is at least as good in every objective and better in one. Front 0 are
the rows that none dominates, front 1 those that only rows of front 0 dominate, and so on. Within a
front of ``n`` rows, sorted by objective ``j`` as ``y_1j <= ... <= y_nj``,

    crowding(i) = sum_j (y_{i+1,j} - y_{i-1,j}) / (y_nj - y_1j),

infinite for the ends: of two equally good rows the one with fewer neighbours counts more, so that
cheap networks are kept as well as accurate ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def dominators(Y: Values) -> npt.NDArray[np.bool_]:
    """Return for ``n x m`` oriented values an ``n x n`` matrix: does row ``i`` dominate row ``j``.

    Oriented values are better when they are larger.
    """
    first, second = Y[:, None, :], Y[None, :, :]
    return np.logical_and((first >= second).all(2), (first > second).any(2))


def front_numbers(Y: Values) -> npt.NDArray[np.int64]:
    """Return the front of each row of ``n x m`` oriented values, from 0 on."""
    dominates = dominators(Y)
    fronts, left, number = np.full(len(Y), -1), np.ones(len(Y), dtype=bool), 0
    while left.any():
        front = left & ~dominates[left].any(0)
        fronts[front] = number
        left &= ~front
        number += 1
    return fronts


def crowding_distances(Y: Values) -> Values:
    """Return the crowding distance of each row of one front, ``n x m``; infinite at the ends."""
    n, m = Y.shape
    distances = np.zeros(n)
    for j in range(m):
        order = np.argsort(Y[:, j], kind="stable")
        sorted_values = Y[order, j]
        width = sorted_values[-1] - sorted_values[0]
        distances[order[[0, -1]]] = np.inf
        if width > 0 and n > 2:
            distances[order[1:-1]] += (sorted_values[2:] - sorted_values[:-2]) / width
    return distances


def position(Y: Values, row: int) -> int:
    """Return the place of a row from 1 on: by its front, then by its crowding distance.

    Rows that are as good come after it.
    """
    fronts = front_numbers(Y)
    own = np.flatnonzero(fronts == fronts[row])
    distances = crowding_distances(Y[own])
    mine = distances[np.flatnonzero(own == row)[0]]
    return int((fronts < fronts[row]).sum() + (distances > mine).sum()) + 1
