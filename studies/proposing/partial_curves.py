"""Learning curves of stopped and finished trainings, as values at lower fidelities.

A training that a rule stopped has no final value, but one at the cut. Finished trainings passed the
same moment, so that a surrogate can learn what such a value tells. The moments are the cuts, three
at most; each training has a value at those that it reached. An objective is read from the curve of
its training values (``train_accuracy`` for ``accuracy``) if all have left one, since early on it
ranks networks better; else from the curve of its own name.

An estimate at a fidelity below 1 that is no point of a curve counts as well.

Nothing is read where no training was stopped. Which moments count follows from the trainings before
the latest refit of the hyper-parameters, as these do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from bonas.evaluation.curve import lists_of, measurements_in
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.objective import Objective
from bonas.evaluation.record import TRAINING
from bonas.studies.proposing.point import Point
from bonas.surrogates import LowerFidelity

Moment = tuple[str, float]
"""``fidelity`` and a share of a whole training or, where the evaluation says none, ``step`` and its
number."""
Curve = Mapping[Moment, float]

_MOMENTS = 3  # cuts at most that count
_NEAR = 0.9  # of a moment: a value from there on stands for it, if there is none at it
_STOPPED = 500  # stopped trainings before the latest refit that count at most


@dataclass(frozen=True, eq=False)
class Passed:
    """What a training left on its way.

    Attributes:
        point: What was trained.
        row: Its row among the observations; None if no objective has a final value.
        before: The number of observations of earlier trials.
        curves: A curve's name -> values.
    """

    point: Point
    row: int | None
    before: int
    curves: Mapping[str, Curve]

    def at(self, name: str, moment: Moment) -> float:
        """Return the value of a curve at a moment, or shortly before; NaN if it has none."""
        curve = self.curves.get(name, {})
        if moment in curve:
            return curve[moment]
        kind, number = moment
        near = [m for m in curve if m[0] == kind and _NEAR * number <= m[1] <= number]
        return curve[max(near)] if near else float("nan")


def passed(trial: FrozenTrial, point: Point, row: int | None, before: int) -> Passed | None:
    """Return what a finished or pruned trial left on its way; None if that is nothing."""
    if trial.state not in (TrialState.COMPLETE, TrialState.PRUNED):
        return None
    curves = _curves_in(lists_of(trial))
    return Passed(point, row, before, curves) if curves else None


def was_stopped(trial: FrozenTrial) -> bool:
    """Return whether a trial was pruned, and left values on its way."""
    return trial.state == TrialState.PRUNED and bool(_curves_in(lists_of(trial)))


@dataclass(frozen=True, eq=False)
class PartialCurves:
    """The trainings of a search that left curves, with the encodings that a surrogate reads.

    Attributes:
        objectives: The ``m`` objectives.
        trainings: In the order of their trials.
        X: ``k x d`` encodings.
        rows: The row of each training in the data of the surrogate; -1 if it has none there.
        before: How many rows of these data are of earlier trials.
    """

    objectives: Sequence[Objective]
    trainings: Sequence[Passed]
    X: Tensor
    rows: Sequence[int]
    before: Sequence[int]

    @classmethod
    def encoded(
        cls,
        objectives: Sequence[Objective],
        trainings: Sequence[Passed],
        X: Tensor,
        rows: Sequence[int],
        encode: Callable[[Iterable[Point]], Tensor],
    ) -> PartialCurves | None:
        """Encode the trainings; None if there is none.

        Args:
            objectives: The ``m`` objectives.
            trainings: What the observations have.
            X: ``n x d`` encodings of the observations that the surrogate is fitted to.
            rows: Which observations these are, ascending.
            encode: Encodes points that are not among them.
        """
        position = {row: i for i, row in enumerate(rows)}
        kept = [each for each in trainings if each.row is None or each.row in position]
        if not kept:
            return None
        at = [-1 if each.row is None else position[each.row] for each in kept]
        new = encode([each.point for each in kept if each.row is None])
        encodings = X[torch.tensor(at).clamp_min(0)].clone()
        encodings[torch.tensor(at) < 0] = new
        return cls(objectives, kept, encodings, at, [bisect_left(rows, t.before) for t in kept])

    def of_objective(
        self, j: int, measured: Tensor, refit: int, only_refit: bool
    ) -> LowerFidelity | None:
        """Return the values of an objective at lower fidelities; None if there are none.

        Args:
            j: The number of the objective.
            measured: Which of the first ``n`` rows of the data have its final value.
            refit: The number of rows at the latest refit, whose cuts count.
            only_refit: Whether to return what was known then, and nothing later.
        """
        early = [i for i, before in enumerate(self.before) if before < refit]
        name = self._curve(j, early)
        finals = [self._final(i, measured) for i in range(len(self.rows))]
        cut = [i for i in early if finals[i] < 0]
        moments = _cuts([self.trainings[i].curves.get(name, {}) for i in cut])
        if not moments:
            return None
        spared = {*_spread(cut, _STOPPED)}
        chosen = [i for i in early if finals[i] >= 0 or i in spared]
        if not only_refit:
            known = {*early}
            chosen += [i for i in range(len(self.rows)) if i not in known]
        sign = 1.0 if self.objectives[j].direction == "maximize" else -1.0
        Y = [[sign * self.trainings[i].at(name, moment) for moment in moments] for i in chosen]
        return LowerFidelity(
            self.X[chosen],
            torch.tensor(Y, dtype=torch.float64),
            torch.tensor([finals[i] for i in chosen]),
            [(name, *moment) for moment in moments],
        )

    def _curve(self, j: int, early: Sequence[int]) -> str:
        """Return the name of the curve that an objective is read from."""
        own = self.objectives[j].name
        curves = [self.trainings[i].curves for i in early]
        curves = [each for each in curves if own in each or TRAINING + own in each]
        return TRAINING + own if all(TRAINING + own in each for each in curves) else own

    def _final(self, i: int, measured: Tensor) -> int:
        """Return where a training's final value is among those of an objective; -1 if nowhere."""
        row = self.rows[i]
        if not 0 <= row < len(measured) or not measured[row]:
            return -1
        return int(measured[:row].sum())


def _cuts(curves: Sequence[Curve]) -> list[Moment]:
    """Return the last moments of curves in ascending order; of many, evenly spread ones."""
    last = sorted(max(curve) for curve in curves if curve)
    different = sorted({*last})
    if len(different) <= _MOMENTS:
        return different
    return sorted({last[i * len(last) // _MOMENTS] for i in range(_MOMENTS)})


def _spread(items: Sequence[int], most: int) -> list[int]:
    """Return all items, or ``most`` evenly spread ones."""
    n = len(items)
    return list(items) if n <= most else [items[i * n // most] for i in range(most)]


@lru_cache(maxsize=10_000)
def _curves_in(texts: tuple[str, ...]) -> Mapping[str, Curve]:
    """Return all values on the way in the stored measurements of a trial; parsed once."""
    found: dict[str, dict[Moment, float]] = {}
    for measurement in measurements_in(texts):
        moment = _moment(measurement)
        if moment is not None:
            for name, value in measurement.values.items():
                found.setdefault(name, {})[moment] = value
    return found


def _moment(measurement: Measurement) -> Moment | None:
    """Return when a value was measured; None at the end."""
    if measurement.fidelity is not None:
        return ("fidelity", measurement.fidelity) if measurement.fidelity < 1 else None
    return None if measurement.step is None else ("step", float(measurement.step))
