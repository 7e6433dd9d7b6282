"""The plan of a comparison: every method on every problem it can search, with every seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from bonas.arguments import check_count
from bonas.benchmarks.baselines import METHODS, MakeSampler
from bonas.benchmarks.comparison.problem import Problem, resolve_problem
from bonas.benchmarks.comparison.run import RunKey
from bonas.benchmarks.tables import Table
from bonas.errors import InvalidArgument, unknown


@dataclass(frozen=True)
class Plan:
    """The runs of a comparison, in a form that can be sent to another process.

    Attributes:
        problems: Names, tables or problems; ``problem`` loads them, since a table is large.
        methods: The function that makes each method's sampler; None stands for the method of that
            name in ``METHODS``.
        seeds: The seeds, one run each.
        budget: Evaluations per run.
        folder: The folder of the tables that are read from a folder.
    """

    problems: tuple[str | Table | Problem, ...]
    methods: Mapping[str, MakeSampler | None]
    seeds: tuple[int, ...]
    budget: int
    folder: str | PathLike[str] | None = None

    def problem(self, index: int) -> Problem:
        """Load the problem with that number."""
        return resolve_problem(self.problems[index], self.folder)

    def make(self, method: str) -> MakeSampler:
        """Return the function that makes the sampler of a method."""
        return self.methods[method] or METHODS[method].make

    def keys(self, problem: Problem) -> Iterator[RunKey]:
        """Yield the runs of a problem, without methods that cannot search its objectives."""
        for name, make in self.methods.items():
            if make is not None or METHODS[name].multi_objective or len(problem.objectives) == 1:
                for seed in self.seeds:
                    yield RunKey(problem.name, name, seed)


def make_plan(
    methods: Sequence[str] | Mapping[str, MakeSampler],
    problems: Sequence[str | Table | Problem],
    budget: int,
    seeds: int | Sequence[int],
    folder: str | PathLike[str] | None,
) -> Plan:
    """Return the plan; everything but the problems is checked.

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


def _checked_methods(given: object) -> dict[str, MakeSampler | None]:
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
    """Return the items: at least one, and no two the same."""
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InvalidArgument(f"{what}s must be a list of at least one {what}, got {given!r}")
    for i, item in enumerate(given):
        if item in given[:i]:
            raise InvalidArgument(f"each {what} must be given once, got {item!r} twice")
    return tuple(given)
