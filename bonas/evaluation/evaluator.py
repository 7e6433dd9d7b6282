"""An evaluator: what measures a candidate; several joined; and the check of what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from bonas.errors import EvaluationFailed, InvalidArgument, ObjectivesMissing
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import check_spelling, declared_description, declared_objectives
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
        return tuple(o for part in self.evaluators for o in declared_objectives(part))

    def describe(self) -> dict[str, Any]:
        """What decides each objective, as JSON values under its name."""
        merged: dict[str, Any] = {}
        for part in self.evaluators:
            merged |= declared_description(part)
        return merged

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """All the measurements.

        Raises:
            InvalidArgument: if two evaluators give the same name.
            EvaluationFailed: if one does not give its objectives as finite numbers.
        """
        merged: dict[str, float] = {}
        for part in self.evaluators:
            try:
                values = measured(part, candidate, declared_objectives(part))
            except EvaluationFailed as error:
                error.values = {**merged, **error.values}
                raise
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
        check_spelling(part)
    return tuple(evaluators)


def measured(
    evaluate: Evaluator, candidate: Candidate, objectives: Sequence[Objective]
) -> dict[str, float]:
    """What ``evaluate`` measures of ``candidate``: the objectives and all else, as finite floats.

    Raises:
        ObjectivesMissing: if an objective is missing or is not a real number.
        EvaluationFailed: if a value is not finite, or another measurement cannot be stored. Either
            error has the values that are good.
    """
    values: object = evaluate(candidate)
    names = [objective.name for objective in objectives]
    try:
        if not isinstance(values, Mapping):
            raise ObjectivesMissing(
                "expected the evaluation to return a mapping from names to numbers, got "
                f"{values!r}; return one such as {_example(names)}"
            )
        return _checked(values, names)
    except EvaluationFailed as error:
        error.values = _good(values)
        raise


def _checked(values: Mapping[Any, object], names: Sequence[str]) -> dict[str, float]:
    missing = [name for name in names if name not in values]
    if missing:
        raise ObjectivesMissing(
            f"expected the objectives {list(names)}, got {list(values)} without {missing}; "
            f"return a mapping such as {_example(names)}"
        )
    for name in names:
        if not _is_number(values[name]):
            raise ObjectivesMissing(_no_number(name, values[name]))
    return {_checked_name(name): _number(name, value) for name, value in values.items()}


def _example(names: Sequence[str]) -> str:
    return "{" + ", ".join(f'"{name}": 1.0' for name in names) + "}"


def _good(values: object) -> dict[str, float]:
    """Those of the values that can be stored."""
    good: dict[str, float] = {}
    for name, value in values.items() if isinstance(values, Mapping) else ():
        with suppress(EvaluationFailed):
            good[_checked_name(name)] = _number(name, value)
    return good


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


def _scalar(value: object) -> object:
    """The number in a scalar of numpy or torch; all else as it is."""
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim == 0:
        return value.item()
    return value


def _is_number(value: object) -> bool:
    scalar = _scalar(value)
    return isinstance(scalar, Real) and not isinstance(scalar, bool)


def _no_number(name: object, value: object) -> str:
    return (
        f"expected a real number as {name!r}, got {value!r} of type {type(value).__name__}; "
        "return a float, by .item() if it is an array of one"
    )


def _number(name: object, value: object) -> float:
    """A float out of a number or a scalar of numpy or torch."""
    scalar = _scalar(value)
    if isinstance(scalar, bool) or not isinstance(scalar, Real):
        raise EvaluationFailed(_no_number(name, value))
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
