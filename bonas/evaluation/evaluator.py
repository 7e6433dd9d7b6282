"""An evaluator: what measures a candidate; several joined; and the check of what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.objective import Objective, as_objectives
from bonas.texts import objection, shown


class Evaluator(Protocol):
    """Anything that can be called with a candidate and tells what it measured.

    An evaluator may also have ``objectives``, which of its measurements are to be optimised, and
    ``describe()``, what decides them, as JSON values under the objectives' names.
    """

    def __call__(self, candidate: Candidate, /) -> Mapping[str, float]:
        """A measurement's name -> its value; every objective is among the names."""
        ...


@dataclass(frozen=True)
class Joint:
    """Several evaluators as one: each is called in turn, and what they measure is put together.

    Args:
        evaluators: At least one; a plain function has no objectives of its own.

    Raises:
        InvalidArgument: if there is none, one cannot be called, or two measure the same.
    """

    evaluators: Sequence[Evaluator]

    def __post_init__(self) -> None:
        object.__setattr__(self, "evaluators", _checked_parts(self.evaluators))
        if self.objectives:
            as_objectives(self.objectives)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Those of the parts, one after the other."""
        return tuple(o for part in self.evaluators for o in getattr(part, "objectives", ()))

    def describe(self) -> dict[str, Any]:
        """What decides each objective, as JSON values under its name."""
        merged: dict[str, Any] = {}
        for part in self.evaluators:
            describe: Callable[[], dict[str, Any]] | None = getattr(part, "describe", None)
            if describe is not None:
                merged |= describe()
        return merged

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """All the measurements.

        Raises:
            InvalidArgument: if two evaluators give the same name.
            EvaluationFailed: if one does not give its objectives as finite numbers.
        """
        merged: dict[str, float] = {}
        for part in self.evaluators:
            values = measured(part, candidate, getattr(part, "objectives", ()))
            twice = sorted(merged.keys() & values.keys())
            if twice:
                raise InvalidArgument(
                    f"expected each measurement once, got {twice} from two evaluators; "
                    f"rename one of them in {part!r}"
                )
            merged |= values
        return merged


def _checked_parts(evaluators: object) -> tuple[Evaluator, ...]:
    if not isinstance(evaluators, (tuple, list)) or not evaluators:
        raise InvalidArgument(
            f"expected a list of at least one evaluator, got {evaluators!r}; "
            "as in Joint([ShortTraining(), Latency()])"
        )
    for part in evaluators:
        if not callable(part) or isinstance(part, type):
            raise InvalidArgument(
                f"expected evaluators to call with a candidate, got {part!r}; "
                "give functions or objects such as ShortTraining()"
            )
    return tuple(evaluators)


def measured(
    evaluate: Evaluator, candidate: Candidate, objectives: Sequence[Objective]
) -> dict[str, float]:
    """What ``evaluate`` measures of ``candidate``: the objectives and all else, as finite floats.

    Raises:
        EvaluationFailed: if an objective is missing, a value is not a finite real number, or a name
            cannot be stored.
    """
    values: object = evaluate(candidate)
    names = [objective.name for objective in objectives]
    example = "{" + ", ".join(f'"{name}": 1.0' for name in names) + "}"
    if not isinstance(values, Mapping):
        raise EvaluationFailed(
            f"expected the evaluation to return a mapping from names to numbers, got {values!r}; "
            f"return one such as {example}"
        )
    missing = [name for name in names if name not in values]
    if missing:
        raise EvaluationFailed(
            f"expected the objectives {names}, got {list(values)} without {missing}; "
            f"return a mapping such as {example}"
        )
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


def _number(name: object, value: object) -> float:
    """A float out of a number or a scalar of numpy or torch."""
    scalar = value
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim == 0:
        scalar = value.item()
    if isinstance(scalar, bool) or not isinstance(scalar, Real):
        raise EvaluationFailed(
            f"expected a real number as {name!r}, got {value!r} of type {type(value).__name__}; "
            "return a float, by .item() if it is an array of one"
        )
    try:
        number = float(scalar)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise EvaluationFailed(
            f"expected a finite number as {name!r}, got {number}; raise an exception in the "
            "evaluation if it failed, or return the worst value that makes sense"
        )
    return number
