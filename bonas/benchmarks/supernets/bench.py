"""The benchmark of supernets: truth and knowledge of one problem, measured once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path

from bonas.arguments import check_count
from bonas.benchmarks.supernets.inherited import Inherited, Training, inherited
from bonas.benchmarks.supernets.problems import Problem, problems
from bonas.benchmarks.supernets.ranking import agreement_table, agreements, price_line
from bonas.benchmarks.supernets.record import Record
from bonas.benchmarks.supernets.search import saving_table, savings
from bonas.benchmarks.supernets.step import step_costs, step_table
from bonas.benchmarks.supernets.surrogate import gain_table, gains
from bonas.benchmarks.supernets.truth import TRAINING, opened, trainings
from bonas.benchmarks.tables.scale import Array
from bonas.errors import InvalidArgument, unknown
from bonas.spaces import Choices


@dataclass(frozen=True)
class SupernetBench:
    """What supernets say of the networks of one problem.

    Everything that takes long is kept in the folder: the same call goes on where it was cut off.

    Args:
        problem: A name out of ``problems()``.
        folder: Of the record, the checkpoints and the searches.
        networks: How many random networks are trained from scratch.
        seeds: Trainings of each of them.
        supernets: Trainings of the supernet.
        training: How a supernet is trained.

    Raises:
        InvalidArgument: for an unknown problem, or a number that cannot work.
    """

    problem: str
    folder: str | PathLike[str]
    networks: int = 80
    seeds: int = 4
    supernets: int = 3
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        if self.problem not in problems():
            raise unknown("problem", self.problem, problems())
        check_count("networks", self.networks, least=5)
        check_count("seeds", self.seeds, least=2)
        check_count("supernets", self.supernets)
        check_count("paths", self.training.paths)

    def steps(self) -> str:
        """Return the table of what a training step costs, alone and in a supernet."""
        return step_table([step_costs(self._problem)])

    def ranking(self) -> str:
        """Return the table of rank correlations, and the price."""
        found = agreements(self._problem, self._drawn, self._trainings, self._inherited)
        price = price_line(self._problem, self._inherited, self._record.seconds(TRAINING))
        return f"{agreement_table(list(found))}\n\n{price}"

    def surrogate(self, sizes: Sequence[int] = (10, 40), draws: int = 50) -> str:
        """Return the table of what the score is worth to a surrogate.

        Raises:
            InvalidArgument: if a size leaves fewer than half of the networks to be predicted.
        """
        check_count("draws", draws)
        most = self.networks // 2
        if max(sizes) > most:
            raise InvalidArgument(
                f"expected sizes of at most {most}, half of the networks, got {list(sizes)}; train "
                "more networks, or leave the larger sizes out"
            )
        known = self._problem, self._drawn, self._trainings, self._inherited
        return gain_table(list(gains(*known, sizes, draws)))

    def search(self, budget: int = 60, searches: int = 16) -> str:
        """Return the table of the evaluations that the score saves."""
        rule, paths = self.training.rule, self.training.paths
        name = f"{self.problem}-{self.networks}-{self.seeds}-{self.supernets}-{rule}-{paths}.log"
        storage = Path(self.folder) / name
        known = self._problem, self._drawn, self._trainings, self._inherited
        found = savings(*known, budget=budget, seeds=searches, storage=storage)
        return saving_table(list(found))

    @cached_property
    def _problem(self) -> Problem:
        return problems()[self.problem]()

    @cached_property
    def _record(self) -> Record:
        return opened(Path(self.folder), self._problem)

    @cached_property
    def _drawn(self) -> list[Choices]:
        return self._problem.networks(self.networks)

    @cached_property
    def _trainings(self) -> Array:
        return trainings(self._problem, self._drawn, self.seeds, self._record)

    @cached_property
    def _inherited(self) -> Inherited:
        known = self.supernets, self.training, self._record, Path(self.folder)
        return inherited(self._problem, self._drawn, *known)
