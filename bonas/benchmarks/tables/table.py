"""A table as a benchmark problem: evaluations are looked up, and the exact answer is known.

Symbols: ``n`` rows or points, ``m`` objectives, ``k`` recordings of one row.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from bonas.benchmarks.tables.reference import Reference
from bonas.benchmarks.tables.rows import Rows, check_parameters, parameters_of, read_rows
from bonas.benchmarks.tables.scale import Array, as_losses, non_dominated
from bonas.benchmarks.tables.scores import RecordedScores
from bonas.benchmarks.tables.spaces import MeasuredPart, Row, TableSpace
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation import Candidate, Direction, Evaluator, Objective, Stages, as_objectives
from bonas.spaces import ArchitectureGraph, Choices, Space

Cost = float | Literal["cheap"]
"""Seconds per candidate, as an evaluator declares them."""


@dataclass(frozen=True, eq=False)
class Table:
    """Architectures that were all measured before; ``Table.of`` makes one from your own rows.

    ``bonas.optimize(table.space, 50, evaluate=table.evaluate)`` searches it.

    Args:
        name: A name for reports, and for the stored study.
        space: The architectures; those without a complete row are removed.
        objectives: What the rows hold.
        rows: The choices of each row, in the order of the space's parameters; no row twice.
        truth: The exact values, ``n x m``. A row with a value that is not finite is left out.
        shown: The values that an evaluation returns, ``n x m x k``: one of ``k`` recordings, NaN
            where there are fewer; None for the truth.
        signal: A word for what is shown, for reports and for the stored study.
        scores: Zero-cost scores of the rows, which cost a search nothing; None if there are none.
        cheap: Which objectives can be measured before a network is chosen: their name -> the
            ``cost`` that their evaluator declares, 0 where they are known of all rows.

    Attributes:
        masked: The number of rows that were left out.
    """

    name: str
    space: Space
    objectives: tuple[Objective, ...]
    rows: Sequence[Row]
    truth: Array
    shown: Array | None = None
    signal: str = "truth"
    scores: RecordedScores | None = None
    cheap: Mapping[str, Cost] = field(default_factory=dict)
    masked: int = field(init=False)

    def __post_init__(self) -> None:
        truth = np.asarray(self.truth, np.float64)
        complete = np.asarray(np.isfinite(truth).all(axis=1))
        if self.shown is not None:
            complete &= np.isfinite(self.shown).all(axis=1).any(axis=-1)
            object.__setattr__(self, "shown", self.shown[complete])
        if not complete.any():
            raise InvalidArgument(
                f"no row of {self.name!r} has a finite value of each objective "
                f"{[o.name for o in self.objectives]}; check their names"
            )
        rows = [row for row, kept in zip(self.rows, complete, strict=True) if kept]
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "truth", truth[complete])
        object.__setattr__(self, "masked", int((~complete).sum()))
        if self.scores is not None:
            object.__setattr__(self, "scores", self.scores[complete])
        if len(rows) < self.space.size:
            object.__setattr__(self, "space", MeasuredPart(self.space, rows))
        self._check_cheap(self.cheap)

    @staticmethod
    def of(
        rows: Rows,
        *,
        parameters: Sequence[str],
        objectives: Mapping[str, Direction] | Sequence[Objective],
        graph: Callable[[Choices], ArchitectureGraph] | None = None,
        name: str = "table",
        cheap: Mapping[str, Cost] | None = None,
    ) -> Table:
        """Make a table from your own rows.

        Args:
            rows: Dicts with the parameters and the values, a mapping from tuples of choices to
                dicts of values, or a pandas DataFrame. Rows without a value (None, NaN) are left
                out, and combinations without a row are not valid.
            parameters: The names of the choices, in the order of the tuples.
            objectives: ``"maximize"`` or ``"minimize"`` by name.
            graph: A function from choices to their graph; by default a chain of all choices.
            name: A name for reports, and for the stored study.
            cheap: Objectives that can be measured before a network is chosen, with their ``cost``.

        Raises:
            InvalidArgument: if a row cannot be read, two have the same choices, or a parameter has
                the same value in all rows.

        >>> rows = [{"width": w, "accuracy": a} for w, a in [(8, 71.0), (16, 75.0), (32, None)]]
        >>> table = Table.of(rows, parameters=["width"], objectives={"accuracy": "maximize"})
        >>> table.optimum
        ({'width': 16}, 75.0)
        >>> table
        <Table 'table': 2 rows (1 masked), accuracy [%] maximize, signal 'truth'>
        """
        goals = as_objectives(objectives)
        names = check_parameters(parameters, goals)
        read, values = read_rows(rows, names, goals)
        space = TableSpace(parameters_of(read, names), graph)
        return Table(name, space, goals, read, values, cheap=cheap or {})

    def with_cheap(self, cheap: Mapping[str, Cost], name: str) -> Table:
        """Return the same table under another name, with other cheap objectives.

        Raises:
            InvalidArgument: if one is no objective of the table.
        """
        self._check_cheap(cheap)
        table = copy.copy(self)
        object.__setattr__(table, "cheap", dict(cheap))
        object.__setattr__(table, "name", name)
        return table

    @property
    def evaluate(self) -> Evaluator:
        """An evaluator that looks candidates up; ``evaluator(seed)`` for another seed."""
        return self.evaluator()

    def evaluator(self, seed: int = 0) -> Evaluator:
        """Return a ``Lookup``; where objectives are cheap, ``Stages`` with one for each of them."""
        if not self.cheap:
            return Lookup(self, seed)
        dear = tuple(goal.name for goal in self.objectives if goal.name not in self.cheap)
        each = [CheapLookup(self, seed, (name,), cost) for name, cost in self.cheap.items()]
        return Stages([*([Lookup(self, seed, dear)] if dear else []), *each])

    def row(self, choices: Choices) -> int:
        """Return the number of the row of these choices; parameters outside the space are ignored.

        Raises:
            InvalidArgument: if there is none.
        """
        try:
            return self._number[tuple([choices[name] for name in self.space.parameters])]
        except (KeyError, TypeError) as error:
            example = dict(zip(self.space.parameters, self.rows[0], strict=True))
            raise InvalidArgument(
                f"{self.name!r} has no row of {choices!r}; expected one of its {len(self.rows):,} "
                f"rows, such as {example}"
            ) from error

    def true_values(self, choices: Iterable[Choices]) -> Array:
        """Return the exact values of ``n`` architectures, ``n x m``.

        Raises:
            InvalidArgument: if one has no row.
        """
        return self.truth[[self.row(each) for each in choices]]

    @property
    def optimum(self) -> tuple[Choices, float]:
        """The best row of one objective: its choices and its value.

        Raises:
            InvalidArgument: if there are several objectives.
        """
        self._require_one("an optimum")
        best = int(self._losses.argmin())
        return self._choices(best), float(self.truth[best, 0])

    @cached_property
    def front(self) -> tuple[tuple[Choices, ...], Array]:
        """The choices and values (``n x m``) of the non-dominated rows.

        The best in the first objective comes first; with one objective it is the best row or rows.
        """
        best = non_dominated(self._losses)
        return tuple([self._choices(number) for number in best]), self.truth[best]

    @cached_property
    def max_hypervolume(self) -> float:
        """The hypervolume of the whole table, at most 1."""
        return self.reference.hypervolume

    def scaled(self, values: npt.ArrayLike) -> Array:
        """Scale ``n x m`` values to regret in each objective: 0 the best, 1 the worst of the table.

        Raises:
            InvalidArgument: if the values are not ``n x m`` finite numbers.
        """
        return self.reference.scale.scaled(values)

    def hypervolume(self, values: npt.ArrayLike) -> float:
        """Return the scaled hypervolume of ``n x m`` values; the worst corner is the reference.

        Raises:
            InvalidArgument: if the values are not ``n x m`` finite numbers.
        """
        return self.reference.scale.hypervolume(values)

    def gap(self, values: npt.ArrayLike) -> float:
        """Return the share of the table's hypervolume that ``n x m`` true values lack.

        0 for the whole front.

        Raises:
            InvalidArgument: if the values are not ``n x m`` finite numbers.
        """
        return self.reference.gap(values)

    def regret(self, values: npt.ArrayLike) -> float:
        """Return how far the best of ``n`` true values is from the optimum.

        In the objective's unit; infinite for no values.

        Raises:
            InvalidArgument: if there are several objectives.
        """
        self._require_one("a regret")
        return self.reference.regret(values)

    def __repr__(self) -> str:
        goals = ", ".join(f"{objective} {objective.direction}" for objective in self.objectives)
        return (
            f"<{type(self).__name__} {self.name!r}: {len(self.rows):,} rows ({self.masked:,} "
            f"masked), {goals}, signal {self.signal!r}>"
        )

    @cached_property
    def _number(self) -> dict[Row, int]:
        return {row: number for number, row in enumerate(self.rows)}

    def _choices(self, number: int) -> Choices:
        return dict(zip(self.space.parameters, self.rows[number], strict=True))

    @cached_property
    def reference(self) -> Reference:
        """The exact answer, which runs are judged by."""
        return Reference.of(self.objectives, self.truth, exact=True)

    @cached_property
    def _losses(self) -> Array:
        return as_losses(self.objectives, self.truth)

    def _check_cheap(self, cheap: Mapping[str, Cost]) -> None:
        names = [objective.name for objective in self.objectives]
        for name in cheap:
            if name not in names:
                raise unknown("cheap objective", name, names)

    def _require_one(self, what: str) -> None:
        if len(self.objectives) > 1:
            raise InvalidArgument(
                f"{what} is of one objective, and {self.name!r} has "
                f"{[o.name for o in self.objectives]}; ask for the front and the gap instead"
            )


@dataclass(frozen=True, slots=True)
class Lookup:
    """An evaluator that looks a candidate up in a table.

    Where the table has several recordings, the seed and the choices decide which one is returned:
    the same candidate always gets the same value, with another seed perhaps another one.

    Args:
        table: The table.
        seed: Decides between recordings.
        only: The names of the objectives to look up; all if there is none.
    """

    table: Table
    seed: int = 0
    only: tuple[str, ...] = ()

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives that are looked up."""
        goals = self.table.objectives
        return tuple(goal for goal in goals if not self.only or goal.name in self.only)

    def describe(self) -> dict[str, Any]:
        """Return table, signal and (where it matters) seed, under the name of each objective."""
        settings: dict[str, Any] = {"table": self.table.name, "signal": self.table.signal}
        if self.table.shown is not None and self.table.shown.shape[2] > 1:
            settings["seed"] = self.seed
        return {objective.name: settings for objective in self.objectives}

    @property
    def scores(self) -> TableScores | None:
        """The table's zero-cost scores; None if it has none."""
        return None if self.table.scores is None else TableScores(self.table, self.table.scores)

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return a value for each objective.

        Raises:
            InvalidArgument: if the candidate has no row.
        """
        values = self._recording(self.table.row(candidate.choices))
        found = {o.name: float(v) for o, v in zip(self.table.objectives, values, strict=True)}
        return {objective.name: found[objective.name] for objective in self.objectives}

    def _recording(self, number: int) -> Array:
        if self.table.shown is None:
            return np.asarray(self.table.truth[number])
        shown = self.table.shown[number]
        recorded = shown[:, np.isfinite(shown).all(axis=0)]
        text = f"{self.seed} {self.table.rows[number]!r}"  # no row number: masks shift it
        draw = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
        values: Array = recorded[:, draw % recorded.shape[1]]
        return values


@dataclass(frozen=True, slots=True)
class CheapLookup(Lookup):
    """A lookup of objectives that declares what measuring them would cost."""

    cost: Cost = 0.0


@dataclass(frozen=True, slots=True)
class TableScores:
    """A source of zero-cost scores (``ScoreSource``) that looks them up in a table.

    Attributes:
        cost: 0 seconds per network.
    """

    table: Table
    recorded: RecordedScores
    cost: ClassVar[float] = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the scores."""
        return self.recorded.names

    def describe(self) -> dict[str, Any]:
        """Return the table, and whether its scores are those published."""
        return {"table": self.table.name, "signal": self.recorded.signal}

    def __call__(self, space: Space, choices: Choices) -> dict[str, float]:
        """Return the scores of an architecture by name; NaN where it has none.

        Raises:
            InvalidArgument: if the architecture has no row.
        """
        return self.recorded.of(self.table.row(choices))
