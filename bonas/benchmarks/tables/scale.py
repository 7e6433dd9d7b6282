"""The scale on which quality is measured over a table.

Each objective becomes a loss (less is better), mapped to [0, 1] over all rows of the table::

    scaled = (best - value) / (best - worst)

The hypervolume is the part of the unit cube that a set of points dominates (reference point
1, ..., 1).

Source: Zitzler and Thiele (1998), "Multiobjective optimization using evolutionary algorithms: A
comparative case study", PPSN V.

Symbols: ``n`` points, ``m`` objectives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from botorch.utils.multi_objective.box_decompositions.dominated import DominatedPartitioning
from botorch.utils.multi_objective.pareto import is_non_dominated

from bonas.errors import InvalidArgument
from bonas.evaluation import Objective, oriented

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """The range of ``m`` objectives: ``best`` and ``worst`` are losses, less is better."""

    objectives: Sequence[Objective]
    best: Array
    worst: Array

    @classmethod
    def of(cls, objectives: Sequence[Objective], values: Array) -> Scale:
        """Return the scale that ``n x m`` values span."""
        losses = as_losses(objectives, values)
        return cls(objectives, losses.min(0), losses.max(0))

    def scaled(self, values: npt.ArrayLike) -> Array:
        """Map ``n x m`` values to 0 (best) to 1 (worst); to 0 where all values are the same."""
        span = self.worst - self.best
        return (as_losses(self.objectives, values) - self.best) / np.where(span > 0, span, 1.0)

    def hypervolume(self, values: npt.ArrayLike) -> float:
        """Return the hypervolume of ``n x m`` values; a loss above 1 counts as 1."""
        losses = torch.from_numpy(self.scaled(values)).clamp(max=1.0)
        if len(losses) == 0:
            return 0.0
        if losses.shape[1] == 1:  # BoTorch's boxes begin with two objectives
            return float(1.0 - losses.min())
        reference = -torch.ones(losses.shape[1], dtype=torch.float64)
        return float(DominatedPartitioning(reference, -losses).compute_hypervolume())


def as_losses(objectives: Sequence[Objective], values: npt.ArrayLike) -> Array:
    """Turn ``n x m`` values into losses, less is better; a list of numbers is ``n x 1``.

    Raises:
        InvalidArgument: if the values are not ``n x m`` finite numbers.
    """
    m = len(objectives)
    array = np.asarray(values, np.float64)
    if array.size == 0 or (array.ndim == 1 and m == 1):
        array = array.reshape(-1, m)
    if array.ndim != 2 or array.shape[1] != m or not np.isfinite(array).all():
        raise InvalidArgument(
            f"expected finite values n x {m} ({', '.join(map(str, objectives))}), "
            f"got {array!r} of shape {array.shape}"
        )
    return -oriented(array, [objective.direction for objective in objectives])


def non_dominated(losses: Array) -> npt.NDArray[np.intp]:
    """Return the numbers of the non-dominated ``n x m`` losses, by the first objective."""
    best = np.flatnonzero(is_non_dominated(-torch.from_numpy(losses), deduplicate=False).numpy())
    return best[np.argsort(losses[best, 0], kind="stable")]
