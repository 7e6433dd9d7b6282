"""Units: numbers of a network that are widened and copied together.

A convolution computes one unit per channel, a linear map one per output. What adds two tensors, or
multiplies them, joins their units: a channel of a residual stream is one unit, whoever writes into
it. Copying a unit means copying every row of weights that computes it, and dividing every column of
weights that reads it.

While a network runs, each of its tensors has a shadow: a tensor of the same shape that holds the
unit of each number, ``FREE`` where there is none (the network's input, constants).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

Array = npt.NDArray[np.int64]

FREE = -1


class Units:
    """The units of one network, while it runs.

    A unit is *bound* if an operation reads it whose parts have a fixed structure: the heads of
    attention, or what nothing is known about.
    """

    def __init__(self) -> None:
        self._count = 0
        self._pairs: list[Array] = []
        self._bound: list[Array] = []

    def fresh(self, number: int) -> Tensor:
        """Return the shadow of so many new units."""
        self._count += number
        return torch.arange(self._count - number, self._count)

    def bind(self, shadow: Tensor | None) -> None:
        """Mark the units in a shadow as bound."""
        if shadow is not None:
            self._bound.append(_distinct(shadow))

    def join(self, a: Tensor, b: Tensor) -> Tensor:
        """Join the units of two shadows of one shape, place by place; return their shadow.

        Where one unit meets several (a gate for a whole image), none are joined.
        """
        shape = a.shape
        a, b = _without_repetition(a, b)
        found = torch.stack([a.flatten(), b.flatten()]).numpy()
        both = found[:, (found >= 0).all(axis=0)]
        pairs = np.unique(both, axis=1) if both.size else both
        if pairs.shape[1]:
            once = [np.bincount(side)[side] == 1 for side in pairs]
            self._pairs.append(pairs[:, once[0] & once[1]])
            if len(np.unique(pairs[1])) > len(np.unique(pairs[0])):
                a, b = b, a
        return torch.where(a == FREE, b, a).expand(shape)

    def classes(self) -> tuple[Array, npt.NDArray[np.bool_]]:
        """Return the class of each unit, joined ones have the same, and which classes are bound."""
        pairs = np.concatenate([np.zeros((2, 0), dtype=np.int64), *self._pairs], axis=1)
        edges = coo_array((np.ones(pairs.shape[1]), tuple(pairs)), shape=(self._count,) * 2)
        number, labels = connected_components(edges, directed=False)
        bound = np.zeros(number, dtype=np.bool_)
        for units in self._bound:
            bound[labels[units]] = True
        return labels.astype(np.int64), bound


def along(shadow: Tensor | None, dim: int, size: int) -> Tensor:
    """Return the units along a dimension; ``FREE`` ones if they differ along another."""
    if shadow is None or not shadow.numel():
        return torch.full((size,), FREE)
    moved = _thin(shadow.movedim(dim, 0), 1).expand(size, *[-1] * (shadow.dim() - 1))
    moved = moved.reshape(size, -1)
    first = moved[:, :1]
    return first[:, 0].clone() if bool((moved == first).all()) else torch.full((size,), FREE)


def resized(shadow: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    """Return the shadow of an output with as many dimensions, each of which keeps its units.

    A dimension may have another size if its units are all the same; None where they are not.
    """
    for dim, size in enumerate(shape):
        if shadow.shape[dim] == size:
            continue
        if not shadow.shape[dim]:
            return None
        first = shadow.narrow(dim, 0, 1)
        if shadow.stride(dim) and not bool((shadow == first).all()):
            return None
        shadow = first.expand(*shadow.shape[:dim], size, *shadow.shape[dim + 1 :])
    return shadow


def _distinct(shadow: Tensor) -> Array:
    found: Array = np.unique(_thin(shadow).numpy())
    return found[found >= 0]


def _thin(shadow: Tensor, start: int = 0) -> Tensor:
    """Return a shadow without the repetition along its dimensions from ``start`` on."""
    for dim in range(start, shadow.dim()):
        if shadow.stride(dim) == 0 and shadow.shape[dim] > 1:
            shadow = shadow.narrow(dim, 0, 1)
    return shadow


def _without_repetition(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return two shadows of one shape without dimensions along which both are repeated."""
    for dim in range(a.dim()):
        if a.shape[dim] > 1 and a.stride(dim) == 0 == b.stride(dim):
            a, b = a.narrow(dim, 0, 1), b.narrow(dim, 0, 1)
    return a, b
