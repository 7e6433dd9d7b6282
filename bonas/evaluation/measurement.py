"""Measurement: named numbers at one moment of an evaluation, and the check that they are numbers.

An evaluation is a stream of measurements. One without a step holds values that count: an objective,
or whatever else is to be kept of the candidate. One with a step is a point of learning curves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from torch import Tensor

from bonas.arguments import check_count, check_range, is_number
from bonas.errors import EvaluationFailed, InvalidArgument, NotFinite, ObjectivesMissing
from bonas.texts import objection, shown


@dataclass(frozen=True, slots=True)
class Measurement:
    """What an evaluation measured at one moment.

    Args:
        values: A name -> a finite number, in the objective's unit if it is one.
        step: Position on the learning curves of ``values``, such as the epoch; None for values that
            are no point of a curve.
        seconds: Since the evaluation began; None has them stamped when the measurement is received.
        fidelity: Share of a whole evaluation that the values come from, in (0, 1]; None if unknown.

    Raises:
        InvalidArgument: if an argument is of another kind or out of its range.

    >>> Measurement({"accuracy": 91.2}, step=3, fidelity=0.3).is_final
    False
    >>> Measurement({"latency": 4.1}).is_final
    True
    """

    values: Mapping[str, float]
    step: int | None = None
    seconds: float | None = None
    fidelity: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.values, Mapping):
            raise InvalidArgument(
                "expected the values of a measurement as a mapping from names to numbers, got "
                f'{self.values!r}; as in Measurement({{"accuracy": 91.2}}, step=3)'
            )
        if self.step is not None:
            check_count("step", self.step, least=0)
        if self.seconds is not None:
            check_range("seconds", self.seconds, 0.0, math.inf)
        share = self.fidelity
        if share is not None and not (is_number(share) and 0 < share <= 1):
            raise InvalidArgument(f"fidelity must be a number in (0, 1], got {share!r}")

    @property
    def is_final(self) -> bool:
        """Whether the values count for the candidate: no points of a curve, no cheap estimates."""
        return self.step is None and self.fidelity in (None, 1)

    def checked(self, names: Sequence[str], seconds: float | None) -> Measurement:
        """Return the measurement with finite floats, and with ``seconds`` where it has none.

        Raises:
            ObjectivesMissing: if a value of the objectives ``names`` is not a real number.
            EvaluationFailed: if a value is not finite, or another one cannot be stored. Either
                error has the values that are good, if they are final.
        """
        try:
            values = _checked_values(self.values, names)
        except EvaluationFailed as error:
            error.values = good_values(self.values) if self.is_final else {}
            raise
        return replace(
            self, values=values, seconds=seconds if self.seconds is None else self.seconds
        )


def good_values(values: Mapping[Any, object]) -> dict[str, float]:
    """Return those of the values that can be stored, as floats."""
    good: dict[str, float] = {}
    for name, value in values.items():
        with suppress(EvaluationFailed):
            good[_checked_name(name)] = _number(name, value)
    return good


def _checked_values(values: Mapping[Any, object], names: Sequence[str]) -> dict[str, float]:
    for name in names:
        if name in values and not _is_real(scalar(values[name])):
            raise ObjectivesMissing(_not_real(name, values[name]))
    return {_checked_name(name): _number(name, value) for name, value in values.items()}


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise EvaluationFailed(
            f"expected the names of measurements as strings, got {name!r}; rename it"
        )
    if why := objection(name):
        raise EvaluationFailed(
            f"expected names of measurements that can be stored, got {shown(name)}: {why}; "
            "rename it"
        )
    return name


def scalar(value: object) -> object:
    """Return the number in a scalar of numpy or torch; anything else as it is."""
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim == 0:
        return value.item()
    return value


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _not_real(name: object, value: object) -> str:
    return (
        f"expected a real number as {name!r}, got {value!r} of type {type(value).__name__}; "
        "return a float, by .item() if it is an array of one"
    )


def _number(name: object, value: object) -> float:
    """Convert a number, or a scalar of numpy or torch, to a finite float."""
    plain = scalar(value)
    if isinstance(plain, bool) or not isinstance(plain, Real):
        raise EvaluationFailed(_not_real(name, value))
    try:
        number = float(plain)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise NotFinite(
            f"expected a finite number as {name!r}, got {number}; raise an exception in the "
            "evaluation if it failed, or return the worst value that makes sense"
        )
    return number
