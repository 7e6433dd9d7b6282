"""Stages: several evaluators as one, the cheap ones first.

A candidate that fails, or is stopped, in a cheap stage costs no expensive one.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import (
    SupportsData,
    check_spelling,
    declared_cost,
    declared_description,
    declared_objectives,
)
from bonas.evaluation.evaluator import Evaluator, StreamingEvaluator, recorded
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.objective import Objective, as_objectives
from bonas.evaluation.record import Record

_LITTLE = 0.1  # of the cost of the dearest evaluator: one that costs no more is cheap


@dataclass(frozen=True)
class Stages(StreamingEvaluator):
    """Several evaluators as one, called in the order of the costs that they declare.

    Those that declare no ``cost``, such as trainings and plain functions, come last, in the order
    in which they are given. Objectives keep the order of ``evaluators``. Those that cost little
    next to the dearest can be measured alone, of architectures that are not trained (``cheap``).

    Where one has training data (``splits``), as ``ShortTraining``, those that can use rows of them
    (``with_data``), as a latency in INT8, are given them.

    Args:
        evaluators: At least one; a plain function has no objectives of its own.

    Raises:
        InvalidArgument: if there is none, one cannot be called or has a misspelt declaration, or
            two measure the same.
    """

    evaluators: Sequence[Evaluator]

    def __post_init__(self) -> None:
        object.__setattr__(self, "evaluators", _with_data(_checked_parts(self.evaluators)))
        for part in self.evaluators:
            declared_cost(part)
        if self.objectives:
            as_objectives(self.objectives)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Those of the evaluators, one after the other."""
        return tuple(o for part in self.evaluators for o in declared_objectives(part))

    @property
    def ordered(self) -> list[Evaluator]:
        """The evaluators in the order in which they are called."""
        return sorted(self.evaluators, key=declared_cost)

    @property
    def cost(self) -> float:
        """Seconds per candidate; infinite if an evaluator does not declare its own."""
        return sum(map(declared_cost, self.evaluators))

    @property
    def cheap(self) -> tuple[Evaluator, ...]:
        """The evaluators that are worth their cost for architectures which are never trained.

        They declare objectives, and a cost of at most a tenth of the dearest evaluator's.
        """
        costs = [declared_cost(part) for part in self.evaluators]
        return tuple(
            part
            for part, cost in zip(self.evaluators, costs, strict=True)
            if cost < math.inf and cost <= _LITTLE * max(costs) and declared_objectives(part)
        )

    def given(self, values: Mapping[str, float]) -> Stages:
        """Return stages that give ``values``, and run only evaluators with objectives beside them.

        What ``values`` hold next to objectives is given, too, if any evaluator is not run.
        """
        goals = {objective.name for objective in self.objectives}
        others = {name: value for name, value in values.items() if name not in goals}
        parts: list[Evaluator] = []
        for part in self.evaluators:
            names = [objective.name for objective in declared_objectives(part)]
            if not names or not values.keys() >= set(names):
                parts.append(part)
                continue
            parts.append(_Given(part, {name: values[name] for name in names} | others))
            others = {}
        return Stages(parts)

    def describe(self) -> dict[str, Any]:
        """Return what decides each objective, as JSON values under its name."""
        merged: dict[str, Any] = {}
        for part in self.evaluators:
            merged |= declared_description(part)
        return merged

    def measurements(self, candidate: Candidate) -> Generator[Measurement, None, None]:
        """Yield the measurements of each stage in turn.

        Raises:
            InvalidArgument: if two evaluators give the same name.
            EvaluationFailed: if one does not give its objectives as finite numbers.
        """
        taken: set[tuple[bool, str]] = set()  # names of final values, and those of curves
        for part in self.ordered:
            names: set[tuple[bool, str]] = set()
            with closing(_of_stage(part, candidate)) as stage:
                for measurement in stage:
                    names |= {(measurement.is_final, name) for name in measurement.values}
                    _check_new(names & taken, part)
                    yield measurement
            taken |= names


@dataclass(frozen=True)
class _Given:
    """Measurements that were made before, in place of the evaluator that would make them."""

    of: Evaluator
    values: Mapping[str, float]

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Those of the evaluator."""
        return declared_objectives(self.of)

    @property
    def cost(self) -> float:
        """No time at all."""
        return 0.0

    def describe(self) -> dict[str, Any]:
        """Return what decides them, as JSON values under their names."""
        return declared_description(self.of)

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        """Return them."""
        return self.values


Joint = Stages
"""The name of ``Stages`` before it had an order."""


def _of_stage(part: Evaluator, candidate: Candidate) -> Generator[Measurement, None, None]:
    """Yield the measurements of one evaluator; its objectives have final values at the end."""
    record = Record([objective.name for objective in declared_objectives(part)])
    yield from recorded(part, candidate, record)
    last = {n: value for n, value in record.result().items() if n not in record.values}
    if last:
        yield Measurement(last)


def _check_new(twice: set[tuple[bool, str]], part: Evaluator) -> None:
    if twice:
        names = sorted({name for _, name in twice})
        raise InvalidArgument(
            f"expected each measurement once, got {names} from two evaluators; "
            f"rename one of them in {part!r}"
        )


def _with_data(parts: tuple[Evaluator, ...]) -> tuple[Evaluator, ...]:
    """Return the evaluators; those that can use them have the data of the first that has some."""
    owner = next((part for part in parts if hasattr(type(part), "splits")), None)  # not loaded yet
    if owner is None:
        return parts
    data = partial(getattr, owner, "splits")
    return tuple(part.with_data(data) if isinstance(part, SupportsData) else part for part in parts)


def _checked_parts(evaluators: object) -> tuple[Evaluator, ...]:
    if not isinstance(evaluators, (tuple, list)) or not evaluators:
        raise InvalidArgument(
            f"expected a list of at least one evaluator, got {evaluators!r}; "
            "as in Stages([ShortTraining(), Latency()])"
        )
    for part in evaluators:
        if not callable(part) or isinstance(part, type):
            raise InvalidArgument(
                f"expected evaluators to call with a candidate, got {part!r}; "
                "give functions or objects such as ShortTraining()"
            )
        check_spelling(part)
    return tuple(evaluators)
