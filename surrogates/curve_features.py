"""Curve features: what a learning curve says of its end, as a few numbers.

    level    mean of the last fifth          half   mean of the second half
    mean     mean of all values              slope  regression on log(step), over the second half
    best     the best value so far           high   mean of the best quarter

A curve of training values is smooth, so that level and slope tell where it goes. A curve of scores
on few validation rows is noisy, so that its best values tell more than its last one. Both kinds
have a mean of the second half. A fit of a parametric family to one curve predicts its end worse
than these numbers do; where the curve of the objective is the only one, it gives all of them.

Source: the idea of regressing final values on features of partial curves and the architecture is
that of Baker, Gupta, Raskar and Naik (2018), "Accelerating neural architecture search using
performance prediction", ICLR workshop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bonas.evaluation.curve import Curve

_FIFTH, _QUARTER = 0.2, 0.25


def curve_features(own: Curve, others: Sequence[Curve]) -> list[float]:
    """Return the features of what one evaluation has measured so far.

    Args:
        own: The objective's own curve so far, oriented (more is better).
        others: Further curves, such as training values; the same number in every evaluation.

    >>> curve = Curve((1, 2, 3, 4), (50.0, 70.0, 60.0, 80.0), (0.0,) * 4)
    >>> curve_features(curve, [])[:4]
    [80.0, 80.0, 70.0, 80.0]
    """
    found = [value for curve in others or [own] for value in _course(curve)]
    return [*_best(own), *found]


def raw_value(own: Curve, training: Curve | None, share: float) -> float:
    """Return the number that ranks evaluations best where no finished ones teach a model.

        (1 - share)^2 training + (1 - (1 - share)^2) best

    Early in an evaluation the latest training value tells more, later the best value so far. It is
    no prediction of the final value, but a place among others at the same step.

    Args:
        own: The objective's own curve so far, oriented.
        training: The curve of the same quantity on the training rows, oriented; None if unknown.
        share: How much of the whole evaluation is done, in [0, 1].

    >>> raw_value(Curve((1, 2), (60.0, 50.0), (0.0,) * 2), Curve((1, 2), (40.0, 80.0), ()), 0.5)
    65.0
    """
    weight = 0.0 if training is None else (1.0 - share) ** 2
    last = 0.0 if training is None else training.values[-1]
    return weight * last + (1.0 - weight) * max(own.values)


def _best(curve: Curve) -> list[float]:
    """Compute best, high and half of a curve; more is better."""
    values = np.sort(np.asarray(curve.values, np.float64))
    return [float(values[-1]), _tail(values, _QUARTER), _half(curve)]


def _course(curve: Curve) -> list[float]:
    """Compute level, mean, half and slope of a curve."""
    values = np.asarray(curve.values, np.float64)
    return [_tail(values, _FIFTH), float(values.mean()), _half(curve), _slope(curve)]


def _half(curve: Curve) -> float:
    return _tail(np.asarray(curve.values, np.float64), 0.5)


def _tail(values: npt.NDArray[np.float64], share: float) -> float:
    """Return the mean of the last ``share`` of the values, of at least one."""
    return float(values[-max(1, int(share * len(values))) :].mean())


def _slope(curve: Curve) -> float:
    """Return the slope of the second half per unit of log(step); 0 for a single point."""
    n = max(2, len(curve) - len(curve) // 2 + 1)
    steps = np.log1p(np.asarray(curve.steps[-n:], np.float64))
    values = np.asarray(curve.values[-n:], np.float64)
    centred = steps - steps.mean()
    spread = float(centred @ centred)
    return float(centred @ values) / spread if spread > 0 else 0.0
