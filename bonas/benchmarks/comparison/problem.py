"""What is searched: a table, whose exact answer is known, or a space and an evaluator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

from bonas.benchmarks.comparison.reference import Reference
from bonas.benchmarks.tables import Lookup, Table, problem
from bonas.errors import InvalidArgument
from bonas.evaluation import Evaluator, Objective
from bonas.spaces import Choices, Space


class Problem(ABC):
    """A space and how its architectures are measured.

    Attributes:
        name: For people, and for the stored studies.
        space: The architectures.
        objectives: What is optimised.
    """

    name: str
    space: Space
    objectives: tuple[Objective, ...]

    @abstractmethod
    def evaluator(self, seed: int) -> Evaluator:
        """What measures a candidate in the run of a seed."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What makes two problems the same, as JSON values."""

    @property
    def reference(self) -> Reference | None:
        """The exact answer, if it is known."""
        return None

    def truth(self, choices: Choices) -> tuple[float, ...] | None:
        """The exact values of an architecture, if they are known."""
        return None

    @property
    def answer(self) -> frozenset[tuple[float, ...]] | None:
        """The exact values that a run must have seen, and then nothing can get better."""
        return None


@dataclass(frozen=True)
class Tabulated(Problem):
    """A table: the search is told what it shows, and judged by its truth."""

    table: Table

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.table.name)
        object.__setattr__(self, "space", self.table.space)
        object.__setattr__(self, "objectives", self.table.objectives)

    def evaluator(self, seed: int) -> Evaluator:
        """The lookup with that seed."""
        return Lookup(self.table, seed)

    def describe(self) -> dict[str, Any]:
        """The space, the signal and the number of rows."""
        settings = {"signal": self.table.signal, "rows": len(self.table.rows)}
        return {"searched": self.space.describe(), **settings}

    @cached_property
    def reference(self) -> Reference:
        """That of all rows."""
        return Reference.of(self.objectives, self.table.truth, exact=True)

    def truth(self, choices: Choices) -> tuple[float, ...]:
        """Those of the row."""
        return tuple(self.table.truth[self.table.row(choices)].tolist())

    @cached_property
    def answer(self) -> frozenset[tuple[float, ...]]:
        """The front, but for what is the worst in an objective: it adds no hypervolume."""
        values = self.table.front[1]
        inside = values[(self.table.scaled(values) < 1.0).all(axis=1)]
        return frozenset(tuple(row) for row in inside.tolist())


@dataclass(frozen=True)
class Measured(Problem):
    """A space of the user's, whose architectures are measured as the search goes on."""

    name: str
    space: Space
    objectives: tuple[Objective, ...]
    evaluate: Evaluator

    def evaluator(self, seed: int) -> Evaluator:
        """Always the same one."""
        return self.evaluate

    def describe(self) -> dict[str, Any]:
        """The space, and what decides the objectives where the evaluator says so."""
        describe: Callable[[], dict[str, Any]] | None = getattr(self.evaluate, "describe", None)
        evaluation = {} if describe is None else describe()
        return {"searched": self.space.describe(), "signal": "measured", "evaluation": evaluation}


def resolved(given: str | Table | Problem, folder: str | PathLike[str] | None = None) -> Problem:
    """The problem that is meant: a name of ``benchmarks.problem``, a table, or a problem itself.

    Raises:
        InvalidArgument: for an unknown name, something else, or no folder where one is needed.
        MissingData: if the data of a table is not there.
    """
    if isinstance(given, Problem):
        return given
    if isinstance(given, str):
        given = problem(given, folder)
    if not isinstance(given, Table):
        raise InvalidArgument(
            f"a problem must be a name such as 'nb201-cifar100' or a Table, got {given!r}"
        )
    return Tabulated(given)
