"""The problem of a comparison: a table with an exact answer, or a space and an evaluator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

from bonas.benchmarks.tables import Table, problem
from bonas.benchmarks.tables.reference import Reference
from bonas.errors import InvalidArgument
from bonas.evaluation import Evaluator, Objective
from bonas.evaluation.declared import declared_description
from bonas.spaces import Choices, Space


class Problem(ABC):
    """A space and how its architectures are measured.

    Attributes:
        name: A name for reports, and for the stored studies.
        space: The architectures.
        objectives: The objectives.
    """

    name: str
    space: Space
    objectives: tuple[Objective, ...]

    @abstractmethod
    def evaluator(self, seed: int) -> Evaluator:
        """Return the evaluator of the run with that seed."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what identifies the problem, as JSON values."""

    @property
    def is_looked_up(self) -> bool:
        """Whether evaluations take no time: then nothing is worth computing in their place."""
        return False

    @property
    def reference(self) -> Reference | None:
        """The exact answer; None where it is not known."""
        return None

    def truth(self, choices: Choices) -> tuple[float, ...] | None:
        """Return the exact values of an architecture; None where they are not known."""
        return None

    @property
    def answer(self) -> frozenset[tuple[float, ...]] | None:
        """The exact values after which a run cannot improve; None where they are not known."""
        return None


@dataclass(frozen=True)
class TableProblem(Problem):
    """A table: evaluations return its recordings, and runs are judged by its true values."""

    table: Table

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.table.name)
        object.__setattr__(self, "space", self.table.space)
        object.__setattr__(self, "objectives", self.table.objectives)

    def evaluator(self, seed: int) -> Evaluator:
        """Return the lookup with that seed."""
        return self.table.evaluator(seed)

    def describe(self) -> dict[str, Any]:
        """Describe the space, the signal and the number of rows."""
        settings: dict[str, Any] = {"signal": self.table.signal, "rows": len(self.table.rows)}
        if self.table.cheap:
            settings["cheap"] = dict(self.table.cheap)
        return {"searched": self.space.describe(), **settings}

    @property
    def is_looked_up(self) -> bool:
        """Whether evaluations take no time: they do not."""
        return True

    @property
    def reference(self) -> Reference:
        """The answer among all rows."""
        return self.table.reference

    def truth(self, choices: Choices) -> tuple[float, ...]:
        """Return the true values of the row."""
        return tuple(self.table.truth[self.table.row(choices)].tolist())

    @cached_property
    def answer(self) -> frozenset[tuple[float, ...]]:
        """The front without what is the worst in an objective, which adds no hypervolume."""
        values = self.table.front[1]
        inside = values[(self.table.scaled(values) < 1.0).all(axis=1)]
        return frozenset(tuple(row) for row in inside.tolist())


@dataclass(frozen=True)
class SpaceProblem(Problem):
    """A space of the user, whose architectures are measured during the search."""

    name: str
    space: Space
    objectives: tuple[Objective, ...]
    evaluate: Evaluator

    def evaluator(self, seed: int) -> Evaluator:
        """Return the one evaluator, whatever the seed."""
        return self.evaluate

    def describe(self) -> dict[str, Any]:
        """Describe the space, and the evaluation where the evaluator describes it."""
        evaluation = declared_description(self.evaluate)
        return {"searched": self.space.describe(), "signal": "measured", "evaluation": evaluation}


def resolve_problem(
    given: str | Table | Problem, folder: str | PathLike[str] | None = None
) -> Problem:
    """Return the problem of a name that ``benchmarks.problem`` knows, of a table, or as given.

    Raises:
        InvalidArgument: for an unknown name, something else, or no folder where one is needed.
        MissingData: if the data of a table are not there.
    """
    if isinstance(given, Problem):
        return given
    if isinstance(given, str):
        given = problem(given, folder)
    if not isinstance(given, Table):
        raise InvalidArgument(
            f"a problem must be a name such as 'nb201-cifar100' or a Table, got {given!r}"
        )
    return TableProblem(given)
