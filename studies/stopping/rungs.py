"""Rungs: at which moments of an evaluation a stopping rule looks at it.

A rung is a share of the whole evaluation, such as 0.1, or a step, such as epoch 3. It is reached at
the first measurement at or after it with which every objective has a value: the final one where it
is known, else a point of its curve. An objective is judged by the curve of its training values
(``train_accuracy`` for ``accuracy``) where the evaluation leaves one, since early on these rank
networks better than values on few validation rows, and otherwise by the curve of its own name.

Under a schedule of the learning rate a value after three of twenty epochs is not that of a training
of three epochs, so values are compared only with those of the same step of equally long trainings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bonas.arguments import is_count, is_number
from bonas.errors import InvalidArgument
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.record import TRAINING


@dataclass(frozen=True, slots=True)
class Rung:
    """A rung that an evaluation has reached.

    Attributes:
        at: The share of the whole evaluation, or the step.
        step: The step at which it was reached.
        fidelity: The share of the whole evaluation then; None if the evaluation does not say.
        values: One value per objective.
        curves: The name of the curve of each value; None for a final value.
    """

    at: float
    step: int
    fidelity: float | None
    values: tuple[float, ...]
    curves: tuple[str | None, ...]

    def is_comparable(self, other: Rung) -> bool:
        """Return whether the values are of the same step of equally long evaluations."""
        return (self.step, self.fidelity, self.curves) == (other.step, other.fidelity, other.curves)


def checked_rungs(rungs: object) -> tuple[float, ...]:
    """Return rungs in ascending order.

    Raises:
        InvalidArgument: if they are neither shares in (0, 1) nor whole steps from 1 on.
    """
    given = list(rungs) if isinstance(rungs, Sequence) and not isinstance(rungs, str) else []
    are_shares = all(is_number(rung) and 0 < rung < 1 for rung in given)
    are_steps = all(is_count(rung, least=1) for rung in given)
    if not given or not (are_shares or are_steps):
        raise InvalidArgument(
            "expected rungs as shares of an evaluation in (0, 1), or as whole steps, got "
            f"{rungs!r}; as in rungs=(0.1, 0.3) or rungs=(3, 10)"
        )
    return tuple(sorted({*given}))


def rung_at(
    at: float,
    measurements: Sequence[Measurement],
    finals: Mapping[str, float],
    names: Sequence[str],
    by_training: bool = True,
) -> Rung | None:
    """Return the rung as an evaluation has reached it; None if it has not, or left no curve.

    Args:
        at: The share or the step.
        measurements: Of the evaluation, in the order in which they came.
        finals: The values of those objectives that are judged by their final values.
        names: Of the objectives.
        by_training: Whether to judge the others by the curves of their training values, if any.
    """
    later = [m for m in measurements if _position(m, at) >= at]
    points: dict[str, tuple[str, Measurement]] = {}
    for name in names:
        if name not in finals:
            point = _first(later, name, by_training)
            if point is None:
                return None
            points[name] = point
    if not points:
        return None
    last = max((m for _, m in points.values()), key=lambda m: m.step or 0)
    values = [finals[n] if n in finals else points[n][1].values[points[n][0]] for n in names]
    curves = tuple(points[n][0] if n in points else None for n in names)
    return Rung(at, last.step or 0, last.fidelity, tuple(values), curves)


def _position(measurement: Measurement, at: float) -> float:
    """Return where on the scale of the rung ``at`` a measurement lies; 0 if nowhere."""
    if measurement.step is None:
        return 0.0
    return measurement.step if at >= 1 else measurement.fidelity or 0.0


def _first(
    later: Sequence[Measurement], name: str, by_training: bool
) -> tuple[str, Measurement] | None:
    """Return the first point by which an objective is judged, with the name of its curve."""
    curves = (TRAINING + name, name) if by_training else (name,)
    for measurement in later:
        for curve in curves:
            if curve in measurement.values:
                return curve, measurement
    return None
