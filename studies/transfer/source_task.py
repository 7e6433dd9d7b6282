"""A source task: values of the same architectures for other data or on another device.

Its values are no data of the search at hand; ``prior_mean.py`` makes a transfer prior of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from optuna import Study
from optuna.trial import TrialState

from bonas.arguments import check_range
from bonas.errors import BonasError, InvalidArgument
from bonas.evaluation import Direction, Objective, as_objectives
from bonas.spaces import Architecture, Choices, Space
from bonas.studies.records import values_of
from bonas.studies.transfer.rows import (
    Frame,
    Pair,
    is_missing,
    is_pair,
    number_of,
    pair_of,
    records_of,
)

Objectives = Mapping[str, Direction] | Sequence[Objective]


class Searched(Protocol):
    """The result of a search, such as a ``SearchResult``."""

    @property
    def study(self) -> Study:
        """The study with all measured trials."""
        ...

    @property
    def objectives(self) -> Sequence[Objective]:
        """The objectives, in the order of the trials' values."""
        ...


class NetworkScore(Protocol):
    """A network and its score, such as an ``InheritedScore`` of a supernet."""

    @property
    def choices(self) -> Choices:
        """The choices of the network."""
        ...

    @property
    def value(self) -> float:
        """The score; more is better."""
        ...


@dataclass(frozen=True, eq=False)
class SourceTask:
    """``n`` architectures and their values of ``m`` objectives on another task.

    ``of``, ``of_study``, ``of_rows`` and ``of_frame`` construct it from a result, a study, pairs or
    a table. Objectives are matched by name and direction with those of the search at hand; a source
    task may have fewer. A latency on another device is thus named ``latency``, in any unit. The
    values need not be on the same scale.

    Args:
        task: The name of the source task, for messages.
        choices: One mapping per architecture: a parameter's name -> the chosen value.
        values: ``n x m``, in each objective's direction.
        objectives: The ``m`` objectives.
        expected_correlation: The correlation with the values of the search at hand that is expected
            before any is known, in [-1, 1): where the search begins to believe from. 0 expects
            nothing, not even a sign; measurements correct the rest. The surrogates ``forest`` and
            ``wl`` expect nothing: fitted to what differs from an expectation, they unlearned a
            wrong one too slowly.

    Raises:
        InvalidArgument: if there is no architecture, the shapes do not match, a value is not finite
            or the correlation is out of its range.

    >>> rows = [({"width": 8}, {"accuracy": 71.0}), ({"width": 16}, {"accuracy": 75.0})]
    >>> SourceTask.of_rows("digits", rows, {"accuracy": "maximize"})
    <SourceTask 'digits': 2 architectures, accuracy [%] maximize>
    """

    task: str
    choices: Sequence[Choices]
    values: npt.NDArray[np.float64]
    objectives: Sequence[Objective]
    expected_correlation: float = 0.0

    def __post_init__(self) -> None:
        check_range("expected_correlation", self.expected_correlation, -1.0, 1.0)
        goals = as_objectives(self.objectives)
        values = np.array(self.values, np.float64)
        if not isinstance(self.task, str) or not self.task:
            raise InvalidArgument(
                f"the name of a source task must be a non-empty string, got {self.task!r}"
            )
        if not len(self.choices):
            raise InvalidArgument(
                f"source task {self.task!r} is empty: expected at least one measured architecture; "
                "leave it out"
            )
        if values.shape != (len(self.choices), len(goals)):
            raise InvalidArgument(
                f"expected values {len(self.choices)} x {len(goals)} of {self.task!r}, one row per "
                f"architecture and one column per objective, got {values.shape}"
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
    def of(cls, task: str, found: Searched) -> SourceTask:
        """Return everything that a search, such as a ``SearchResult``, measured.

        Raises:
            InvalidArgument: if no trial of the search is complete.
        """
        return cls.of_study(task, found.study, found.objectives)

    @classmethod
    def of_study(cls, task: str, study: Study, objectives: Objectives) -> SourceTask:
        """Return the complete trials of an Optuna study whose values are finite.

        Args:
            task: The name of the source task.
            study: Its values are those of ``objectives``, in that order.
            objectives: A name -> ``"maximize"`` or ``"minimize"``.

        Raises:
            InvalidArgument: if the objectives are not the study's, or no trial is complete.
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
    ) -> SourceTask:
        """Return pairs of choices and values, an objective's name -> a number.

        Values under other names are ignored.

        Raises:
            InvalidArgument: if a row is no such pair, or lacks an objective.
        """
        goals = as_objectives(objectives)
        pairs = [_pair(task, number, row) for number, row in enumerate(rows)]
        values = [
            [_value(task, number, measured, goal.name) for goal in goals]
            for number, (_, measured) in enumerate(pairs)
        ]
        table = np.array(values, np.float64).reshape(-1, len(goals))
        return cls(task, [choices for choices, _ in pairs], table, goals)

    @classmethod
    def of_frame(cls, task: str, frame: Frame, objectives: Objectives) -> SourceTask:
        """Return the rows of a pandas DataFrame, or of another table with ``to_dict("records")``.

        The columns are the parameters of the space and the objectives, and no others; NaN marks a
        parameter that an architecture does not have.

        Raises:
            InvalidArgument: if it is no such table, or a row lacks an objective.
        """
        records = records_of(frame) if isinstance(frame, Frame) else None
        if records is None:
            raise InvalidArgument(
                f"expected a DataFrame of {task!r}, got {frame!r}; of_rows takes pairs of choices "
                "and values"
            )
        names = {goal.name for goal in as_objectives(objectives)}
        pairs = [pair_of(record, names) for record in records]
        rows = [
            ({name: cell for name, cell in choices.items() if not is_missing(cell)}, measured)
            for choices, measured in pairs
        ]
        return cls.of_rows(task, rows, objectives)

    @classmethod
    def of_scores(
        cls,
        task: str,
        scores: Iterable[NetworkScore],
        *,
        objective: str = "accuracy",
        direction: Direction = "maximize",
        expected_correlation: float = 0.5,
    ) -> SourceTask:
        """Return cheap scores of many networks, such as ``supernet.scores(500)``.

        Scores that are not finite are left out.

        Args:
            task: The name of the source task.
            scores: One per network; more is better, whatever the direction of the objective.
            objective: The name of the objective of the search that the scores concern.
            direction: Its direction: scores of one to be minimised are negated.
            expected_correlation: See the class; by default what scores of shared weights are
                commonly reported to reach (``docs/benchmarks.md``).

        Raises:
            InvalidArgument: if no score is finite.
        """
        sign = -1.0 if direction == "minimize" else 1.0
        kept = [each for each in scores if math.isfinite(each.value)]
        table = np.array([[sign * each.value] for each in kept], np.float64).reshape(-1, 1)
        goals = as_objectives({objective: direction})
        choices = [each.choices for each in kept]
        return cls(task, choices, table, goals, expected_correlation=expected_correlation)

    def architectures(self, space: Space) -> list[Architecture]:
        """Return the ``n`` architectures in ``space``; its ``is_valid`` is not consulted.

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
        return f"<SourceTask {self.task!r}: {len(self.choices):,} architectures, {goals}>"


def _refused(task: str, count: int, of: int, reason: str) -> InvalidArgument:
    return InvalidArgument(
        f"{count} of {of} rows of {task!r} cannot be used, the first because {reason}; correct "
        "these rows or leave them out"
    )


def _pair(task: str, number: int, row: object) -> Pair:
    if is_pair(row):
        return row
    raise InvalidArgument(
        f"row {number} of {task!r} must be a pair of choices and values, as in "
        f'({{"width": 8}}, {{"accuracy": 71.0}}); got {row!r}'
    )


def _value(task: str, number: int, measured: Mapping[str, Any], name: str) -> float:
    given = measured.get(name)
    if given is None:
        raise InvalidArgument(
            f"row {number} of {task!r} has no value of {name!r}, only of {list(measured)}; give "
            "each row all objectives, or make one SourceTask for each objective"
        )
    value = number_of(given)
    if value is None:
        raise InvalidArgument(f"row {number} of {task!r} has {given!r} as {name!r}, not a number")
    return value
