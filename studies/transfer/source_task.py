"""Knowledge of another task: what was measured on another data set, or on another device.

It is no data of the task at hand, where its values would be wrong; ``prior.py`` learns from it what
to expect there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from optuna import Study
from optuna.trial import TrialState

from bonas.errors import BonasError, InvalidArgument
from bonas.evaluation import Direction, Objective, as_objectives
from bonas.spaces import Architecture, Choices, Space
from bonas.studies.attributes import values_of
from bonas.studies.transfer.rows import Frame, is_pair, plain

Objectives = Mapping[str, Direction] | Sequence[Objective]


class Searched(Protocol):
    """What a search found, such as a ``SearchResult``."""

    @property
    def study(self) -> Study:
        """With all that was measured."""
        ...

    @property
    def objectives(self) -> Sequence[Objective]:
        """In the order of the trials' values."""
        ...


@dataclass(frozen=True, eq=False)
class Knowledge:
    """``n`` architectures and their values of ``m`` objectives, on another task.

    ``of``, ``of_study``, ``of_rows`` and ``of_frame`` make it of what there is. Objectives are
    those of the task at hand that have the same name and direction; there may be fewer. A latency
    on another device is thus named ``latency``, in whatever unit. Values need not be on the same
    scale.

    Args:
        task: The other task's name, for people.
        choices: Of each architecture: a parameter's name -> the chosen value.
        values: ``n x m``, in each objective's direction.
        objectives: What the values are.

    Raises:
        InvalidArgument: if there is nothing, the numbers do not fit or are not finite.

    >>> rows = [({"width": 8}, {"accuracy": 71.0}), ({"width": 16}, {"accuracy": 75.0})]
    >>> Knowledge.of_rows("digits", rows, {"accuracy": "maximize"})
    <Knowledge of 'digits': 2 architectures, accuracy [%] maximize>
    """

    task: str
    choices: Sequence[Choices]
    values: npt.NDArray[np.float64]
    objectives: Sequence[Objective]

    def __post_init__(self) -> None:
        goals = as_objectives(self.objectives)
        values = np.array(self.values, np.float64)
        if not isinstance(self.task, str) or not self.task:
            raise InvalidArgument(f"the other task's name must be a word, got {self.task!r}")
        if not len(self.choices):
            raise InvalidArgument(
                f"nothing is known of {self.task!r}: expected at least one measured architecture; "
                "leave this knowledge out"
            )
        if values.shape != (len(self.choices), len(goals)):
            raise InvalidArgument(
                f"expected values {len(self.choices)} x {len(goals)} of {self.task!r}, one row an "
                f"architecture and one column an objective, got {values.shape}"
            )
        wrong = ~np.isfinite(values).all(axis=1)
        if wrong.any():
            first = int(wrong.argmax())
            raise _refused(
                self.task,
                int(wrong.sum()),
                len(values),
                f"row {first} has the values {values[first].tolist()}, expected finite numbers",
            )
        values.setflags(write=False)
        object.__setattr__(self, "choices", tuple(dict(each) for each in self.choices))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "objectives", goals)

    @classmethod
    def of(cls, task: str, found: Searched) -> Knowledge:
        """All that a search evaluated, a ``SearchResult`` say.

        Raises:
            InvalidArgument: if it evaluated nothing with success.
        """
        return cls.of_study(task, found.study, found.objectives)

    @classmethod
    def of_study(cls, task: str, study: Study, objectives: Objectives) -> Knowledge:
        """The finished trials of an Optuna study whose values are finite.

        Args:
            task: The other task's name.
            study: Its values are those of ``objectives``, in that order.
            objectives: A name -> ``"maximize"`` or ``"minimize"``.

        Raises:
            InvalidArgument: if the objectives are not the study's, or no trial is finished.
        """
        goals = as_objectives(objectives)
        found = [direction.name.lower() for direction in study.directions]
        if found != [goal.direction for goal in goals]:
            raise InvalidArgument(
                f"the study {study.study_name!r} of {task!r} has the directions {found}, expected "
                f"those of {[f'{o.name} ({o.direction})' for o in goals]}, in that order"
            )
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        trials = [trial for trial in trials if values_of(trial, len(goals)) is not None]
        values = np.array([trial.values for trial in trials], np.float64).reshape(-1, len(goals))
        return cls(task, [trial.params for trial in trials], values, goals)

    @classmethod
    def of_rows(
        cls,
        task: str,
        rows: Iterable[tuple[Choices, Mapping[str, float]]],
        objectives: Objectives,
    ) -> Knowledge:
        """Pairs of choices and of values, an objective's name -> a number.

        Values of other names are left out.

        Raises:
            InvalidArgument: if a row is no such pair, or lacks an objective.
        """
        goals = as_objectives(objectives)
        pairs = [_pair(task, number, row) for number, row in enumerate(rows)]
        values = [
            [_value(task, number, known, goal.name) for goal in goals]
            for number, (_, known) in enumerate(pairs)
        ]
        table = np.array(values, np.float64).reshape(-1, len(goals))
        return cls(task, [choices for choices, _ in pairs], table, goals)

    @classmethod
    def of_frame(cls, task: str, frame: Frame, objectives: Objectives) -> Knowledge:
        """A pandas DataFrame, or another table with ``to_dict("records")``.

        The columns are the parameters of the space and the objectives, and no others; NaN is a
        parameter that an architecture does not have.

        Raises:
            InvalidArgument: if it is no such table, or a row lacks an objective.
        """
        if not hasattr(frame, "to_dict"):
            raise InvalidArgument(
                f"expected a DataFrame of {task!r}, got {frame!r}; of_rows takes pairs of choices "
                "and values"
            )
        names = {goal.name for goal in as_objectives(objectives)}
        records = [{n: plain(v) for n, v in row.items()} for row in frame.to_dict("records")]
        rows = [
            (
                {n: v for n, v in row.items() if n not in names and not _missing(v)},
                {n: v for n, v in row.items() if n in names},
            )
            for row in records
        ]
        return cls.of_rows(task, rows, objectives)

    def architectures(self, space: Space) -> list[Architecture]:
        """The ``n`` architectures in a space; one that its ``is_valid`` forbids still teaches.

        Numeric parameters of the space (a dropout rate) are left out.

        Raises:
            InvalidArgument: if some do not fit the space: how many, and the first reason.
        """
        found, reasons = [], []
        for number, choices in enumerate(self.choices):
            try:
                own = {name: v for name, v in choices.items() if name not in space.numeric}
                found.append(space.architecture(own))
            except BonasError as error:
                reasons.append(f"row {number}: {error}")
        if reasons:
            raise _refused(self.task, len(reasons), len(self.choices), reasons[0])
        return found

    def __repr__(self) -> str:
        goals = ", ".join(f"{goal} {goal.direction}" for goal in self.objectives)
        return f"<Knowledge of {self.task!r}: {len(self.choices):,} architectures, {goals}>"


def _refused(task: str, count: int, of: int, reason: str) -> InvalidArgument:
    return InvalidArgument(
        f"{count} of {of} rows of {task!r} cannot be used, the first because {reason}; mend these "
        "rows or leave them out"
    )


def _pair(task: str, number: int, row: object) -> tuple[Choices, Mapping[str, Any]]:
    if is_pair(row):
        return row
    raise InvalidArgument(
        f"row {number} of {task!r} must be a pair of choices and values, as in "
        f'({{"width": 8}}, {{"accuracy": 71.0}}); got {row!r}'
    )


def _value(task: str, number: int, known: Mapping[str, Any], name: str) -> float:
    value = plain(known.get(name))
    if value is None:
        raise InvalidArgument(
            f"row {number} of {task!r} has no value of {name!r}, only of {list(known)}; give each "
            "row all objectives, or make one Knowledge for each objective"
        )
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidArgument(f"row {number} of {task!r} has {value!r} as {name!r}, not a number")
    return float(value)


def _missing(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
