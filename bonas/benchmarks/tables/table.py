"""A table as a benchmark problem: evaluations are looked up, and the exact answer is known.

Symbols: ``n`` rows or points, ``m`` objectives, ``k`` recordings of one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from bonas.benchmarks.tables.rows import Rows, checked_parameters, choices_of, read_rows
from bonas.benchmarks.tables.scale import Array, Scale, as_losses, non_dominated
from bonas.benchmarks.tables.spaces import MeasuredPart, Row, TableSpace
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Direction, Objective, as_objectives
from bonas.spaces import ArchitectureGraph, Choices, Space


@dataclass(frozen=True, eq=False)
class Table:
    """Architectures that were all measured before; ``Table.of`` makes one of your own rows.

    ``bonas.optimize(table.space, 50, evaluate=table.evaluate)`` searches it.

    Args:
        name: For people, and for the stored study.
        space: The architectures; afterwards without those that have no complete row.
        objectives: What the rows tell.
        rows: The choices of each row, in the order of the space's parameters; no row twice.
        truth: The exact values, ``n x m``. A row with a value that is not finite is left out.
        shown: What an evaluation tells, ``n x m x k``: one of ``k`` recordings, NaN where there are
            fewer; None for the truth.
        signal: What is shown in a word, for people and for the stored study.

    Attributes:
        masked: How many rows were left out.
    """

    name: str
    space: Space
    objectives: tuple[Objective, ...]
    rows: Sequence[Row]
    truth: Array
    shown: Array | None = None
    signal: str = "truth"
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
        if len(rows) < self.space.size:
            object.__setattr__(self, "space", MeasuredPart(self.space, rows))

    @staticmethod
    def of(
        rows: Rows,
        *,
        parameters: Sequence[str],
        objectives: Mapping[str, Direction] | Sequence[Objective],
        graph: Callable[[Choices], ArchitectureGraph] | None = None,
        name: str = "table",
    ) -> Table:
        """A table out of one's own rows.

        Args:
            rows: Dicts with the parameters and the values, a mapping from tuples of choices to
                dicts of values, or a pandas DataFrame. Rows without a value (None, NaN) are left
                out, and combinations without a row are not valid.
            parameters: The names of the choices, in the order of the tuples.
            objectives: A name -> ``"maximize"`` or ``"minimize"``.
            graph: The graph that choices stand for; by default a chain of all choices.
            name: For people, and for the stored study.

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
        names = checked_parameters(parameters, goals)
        read, values = read_rows(rows, names, goals)
        return Table(name, TableSpace(choices_of(read, names), graph), goals, read, values)

    @property
    def evaluate(self) -> Lookup:
        """The evaluator that looks candidates up; ``Lookup(table, seed)`` for another seed."""
        return Lookup(self)

    def row(self, choices: Choices) -> int:
        """The number of the row of these choices; other parameters may be among them.

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
        """The exact values of ``n`` architectures, ``n x m``.

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
        """The rows that no other beats in all objectives, the first objective's best first.

        Their choices, and their values ``n x m``; with one objective the best row or rows.
        """
        best = non_dominated(self._losses)
        return tuple([self._choices(number) for number in best]), self.truth[best]

    @cached_property
    def max_hypervolume(self) -> float:
        """The hypervolume of the whole table, at most 1."""
        return self.hypervolume(self.truth)

    def scaled(self, values: npt.ArrayLike) -> Array:
        """``n x m`` values as regret: 0 the best, 1 the worst of the table, in each objective.

        Raises:
            InvalidArgument: if the values are not ``n x m`` finite numbers.
        """
        return self._scale.scaled(values)

    def hypervolume(self, values: npt.ArrayLike) -> float:
        """What ``n x m`` values dominate, scaled; the reference point is the worst of each.

        Raises:
            InvalidArgument: if the values are not ``n x m`` finite numbers.
        """
        return self._scale.hypervolume(values)

    def gap(self, values: npt.ArrayLike) -> float:
        """The share of the table's hypervolume that ``n x m`` true values lack: 0 for the front."""
        most = self.max_hypervolume  # 0 where each row is the worst in something
        return (most - self.hypervolume(values)) / most if most else 0.0

    def regret(self, values: npt.ArrayLike) -> float:
        """How far the best of ``n`` true values is from the optimum, in the objective's unit.

        Infinite for no values at all.

        Raises:
            InvalidArgument: if there are several objectives.
        """
        self._require_one("a regret")
        found = as_losses(self.objectives, values).min(initial=np.inf)
        return float(found - self._losses.min())

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
    def _losses(self) -> Array:
        """The truth, turned so that less is better."""
        return as_losses(self.objectives, self.truth)

    @cached_property
    def _scale(self) -> Scale:
        return Scale.of(self.objectives, self.truth)

    def _require_one(self, what: str) -> None:
        if len(self.objectives) > 1:
            raise InvalidArgument(
                f"{what} is of one objective, and {self.name!r} has "
                f"{[o.name for o in self.objectives]}; ask for the front and the gap instead"
            )


@dataclass(frozen=True, slots=True)
class Lookup:
    """An evaluator that tells what a table shows of a candidate.

    Where the table has several recordings, the seed and the choices decide which one is told: the
    same candidate always gets the same value, and another seed tells another story.

    Raises:
        InvalidArgument: on a candidate without a row.
    """

    table: Table
    seed: int = 0

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Those of the table."""
        return self.table.objectives

    def describe(self) -> dict[str, Any]:
        """Table, signal and (where it matters) seed, under the name of each objective."""
        settings: dict[str, Any] = {"table": self.table.name, "signal": self.table.signal}
        if self.table.shown is not None and self.table.shown.shape[2] > 1:
            settings["seed"] = self.seed
        return {objective.name: settings for objective in self.objectives}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """A value for each objective."""
        values = self._shown(self.table.row(candidate.choices))
        return {o.name: float(v) for o, v in zip(self.objectives, values, strict=True)}

    def _shown(self, number: int) -> Array:
        if self.table.shown is None:
            return np.asarray(self.table.truth[number])
        shown = self.table.shown[number]
        recorded = shown[:, np.isfinite(shown).all(axis=0)]
        text = f"{self.seed} {self.table.rows[number]!r}"  # no row number: masks shift it
        draw = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
        told: Array = recorded[:, draw % recorded.shape[1]]
        return told
