"""What a search is judged by: the exact answer of a table, or the best that any run has found.

    gap = (most - hypervolume) / most,   regret = best found loss - best loss

Symbols: ``n`` evaluations in their order, ``m`` objectives, ``most`` the hypervolume of the answer.
A failed evaluation is a row of NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bonas.benchmarks.tables.scale import Array, Scale, as_losses, non_dominated
from bonas.evaluation import Objective, oriented

_ROUNDING = 1e-12  # a gap below it is that of the whole front, computed in another order


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The scale of a problem and the hypervolume of its answer.

    Attributes:
        objectives: The ``m`` objectives.
        scale: The scale from the best to the worst of each objective.
        hypervolume: The hypervolume of the answer, on that scale.
        exact: Whether the answer is exact, that of a table, or the union of what was found.
    """

    objectives: tuple[Objective, ...]
    scale: Scale
    hypervolume: float
    exact: bool

    @classmethod
    def of(
        cls, objectives: tuple[Objective, ...], values: npt.ArrayLike, *, exact: bool
    ) -> Reference:
        """Return the answer among ``k x m`` values; rows of NaN do not count.

        Raises:
            InvalidArgument: if the values are not ``k x m``.
        """
        rows = np.asarray(values, np.float64).reshape(-1, len(objectives))
        rows = rows[np.isfinite(rows).all(axis=1)]
        if not len(rows):  # nothing was measured: any scale will do
            rows = np.zeros((1, len(objectives)))
        scale = Scale.of(objectives, rows)
        return cls(objectives, scale, scale.hypervolume(rows), exact)

    @property
    def best(self) -> Array:
        """The best value of each objective in its unit, ``m``."""
        return _as_values(self.scale.best, self.objectives)

    @property
    def worst(self) -> Array:
        """The worst value of each objective in its unit, ``m``."""
        return _as_values(self.scale.worst, self.objectives)

    def gap(self, values: npt.ArrayLike) -> float:
        """Return the share of the answer's hypervolume that ``n x m`` finite values lack.

        Raises:
            InvalidArgument: if the values are not ``n x m`` finite numbers.
        """
        if not self.hypervolume:  # each row is the worst in something
            return 0.0
        gap = 1.0 - self.scale.hypervolume(values) / self.hypervolume
        return gap if gap > _ROUNDING else 0.0

    def gaps(self, values: Array) -> Array:
        """Return the gap of the first 1, ..., ``n`` values, ``n``."""
        gaps = np.empty(len(values))
        front = np.empty((0, len(self.objectives)))
        gap = self.gap(front)
        for i, row in enumerate(values):
            if np.isfinite(row).all() and not self._is_dominated(row, front):
                front = np.vstack([front, row])
                front = front[non_dominated(as_losses(self.objectives, front))]
                gap = self.gap(front)
            gaps[i] = gap
        return gaps

    def regret(self, values: npt.ArrayLike) -> float:
        """Return how far the best of ``n`` finite values is from the optimum; inf for no values.

        With several objectives it is that of the first.

        Raises:
            InvalidArgument: if the values are not ``n x m`` finite numbers.
        """
        losses = as_losses(self.objectives, values)[:, 0]
        return float(losses.min(initial=np.inf) - self.scale.best[0])

    def regrets(self, values: Array) -> Array:
        """Return the regret of the first 1, ..., ``n`` values; NaN until an evaluation succeeds."""
        losses = oriented(values, [o.direction for o in self.objectives])[:, 0] * -1.0
        best = np.minimum.accumulate(np.where(np.isfinite(losses), losses, np.inf))
        regrets = best - self.scale.best[0]
        return np.where(np.isfinite(regrets), regrets, np.nan)

    def _is_dominated(self, row: Array, front: Array) -> bool:
        """Return whether a row of the front is as good in every objective."""
        losses = as_losses(self.objectives, front)
        own = as_losses(self.objectives, row[np.newaxis])
        return bool((losses <= own).all(axis=1).any())


def _as_values(losses: Array, objectives: tuple[Objective, ...]) -> Array:
    values: Array = oriented(-losses, [objective.direction for objective in objectives])[0]
    return values
