"""What a comparison is to run: every method on every problem it can search, with every seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from bonas.arguments import check_count
from bonas.benchmarks.baselines import METHODS
from bonas.benchmarks.comparison.execution import Make
from bonas.benchmarks.comparison.problem import Problem, resolved
from bonas.benchmarks.comparison.run import Key
from bonas.benchmarks.tables import Table
from bonas.errors import InvalidArgument, unknown


@dataclass(frozen=True)
class Plan:
    """The runs, as it can be sent to another process.

    Attributes:
        problems: Names, tables or problems; ``problem`` makes them, since a table is large.
        methods: A name -> what makes its sampler; None is the method of that name in ``METHODS``.
        seeds: One run each.
        budget: The evaluations of a run.
        folder: Where the tables are that are read from a folder.
    """

    problems: tuple[str | Table | Problem, ...]
    methods: Mapping[str, Make | None]
    seeds: tuple[int, ...]
    budget: int
    folder: str | PathLike[str] | None = None

    def problem(self, index: int) -> Problem:
        """The problem of that number, made anew."""
        return resolved(self.problems[index], self.folder)

    def make(self, method: str) -> Make:
        """What makes the sampler of a method."""
        return self.methods[method] or METHODS[method].make

    def keys(self, problem: Problem) -> Iterator[Key]:
        """The runs of a problem; a method that cannot search several objectives is left out."""
        for name, make in self.methods.items():
            if make is not None or METHODS[name].several or len(problem.objectives) == 1:
                for seed in self.seeds:
                    yield Key(problem.name, name, seed)


def planned(
    methods: Sequence[str] | Mapping[str, Make],
    problems: Sequence[str | Table | Problem],
    budget: int,
    seeds: int | Sequence[int],
    folder: str | PathLike[str] | None,
) -> Plan:
    """The plan, checked but for the problems.

    Raises:
        InvalidArgument: for an unknown method, or anything of the wrong kind.
    """
    return Plan(
        _listed("problem", problems),
        _checked_methods(methods),
        _checked_seeds(seeds),
        check_count("budget", budget),
        folder,
    )


def _checked_methods(given: object) -> dict[str, Make | None]:
    if not isinstance(given, Mapping):
        names = _listed("method", given)
        for name in names:
            if name not in METHODS:
                raise unknown("method", name, METHODS)
        return dict.fromkeys(names)
    for name, make in given.items():
        if not isinstance(name, str) or not callable(make):
            raise InvalidArgument(
                "a method must be a name and a function of (space, seed) that returns an Optuna "
                f"sampler, got {name!r}: {make!r}"
            )
    _listed("method", list(given))
    return dict(given)


def _checked_seeds(given: object) -> tuple[int, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        return tuple(range(check_count("seeds", given)))
    for seed in given:
        check_count("a seed", seed, least=0)
    return _listed("seed", given)


def _listed(what: str, given: Any) -> tuple[Any, ...]:
    """The items: at least one, and no two the same."""
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InvalidArgument(f"{what}s must be a list of at least one {what}, got {given!r}")
    for i, item in enumerate(given):
        if item in given[:i]:
            raise InvalidArgument(f"each {what} must be given once, got {item!r} twice")
    return tuple(given)
