"""What a run is judged by: the exact answer of a table, or the best that any run has found.

Symbols: ``n`` evaluations in their order, ``m`` objectives. A failed evaluation is a row of NaN.
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
        objectives: What is optimised.
        scale: From the best to the worst of each objective.
        hypervolume: Of the answer, on that scale.
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
        """The answer among ``k x m`` values; rows of NaN do not count.

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
        """``m`` values, in the objectives' units."""
        return _turned(self.scale.best, self.objectives)

    @property
    def worst(self) -> Array:
        """``m`` values, in the objectives' units."""
        return _turned(self.scale.worst, self.objectives)

    def regrets(self, values: Array) -> Array:
        """How far the best of the first 1, ..., ``n`` values is from the best there is.

        In the unit of the one objective; NaN till an evaluation succeeds.

        Raises:
            InvalidArgument: if there are several objectives.
        """
        losses = oriented(values, [o.direction for o in self.objectives])[:, 0] * -1.0
        best = np.minimum.accumulate(np.where(np.isfinite(losses), losses, np.inf))
        regrets = best - self.scale.best[0]
        return np.where(np.isfinite(regrets), regrets, np.nan)

    def gaps(self, values: Array) -> Array:
        """The share of the answer's hypervolume that the first 1, ..., ``n`` values lack."""
        gaps = np.empty(len(values))
        front = np.empty((0, len(self.objectives)))
        gap = self._gap(front)
        for i, row in enumerate(values):
            if np.isfinite(row).all() and not self._is_beaten(row, front):
                front = np.vstack([front, row])
                front = front[non_dominated(as_losses(self.objectives, front))]
                gap = self._gap(front)
            gaps[i] = gap
        return gaps

    def _is_beaten(self, row: Array, front: Array) -> bool:
        """Whether a row of the front is as good in everything."""
        losses = as_losses(self.objectives, front)
        own = as_losses(self.objectives, row[np.newaxis])
        return bool((losses <= own).all(axis=1).any())

    def _gap(self, front: Array) -> float:
        if not self.hypervolume:  # each row is the worst in something
            return 0.0
        gap = 1.0 - self.scale.hypervolume(front) / self.hypervolume
        return gap if gap > _ROUNDING else 0.0


def _turned(losses: Array, objectives: tuple[Objective, ...]) -> Array:
    values: Array = oriented(-losses, [objective.direction for objective in objectives])[0]
    return values
