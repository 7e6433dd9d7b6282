"""Methods against each other, on problems whose exact answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import NoReturn

from optuna.storages import BaseStorage, InMemoryStorage
from tqdm.auto import tqdm

from bonas.arguments import check_count
from bonas.benchmarks.comparison.comparison import CHECKPOINTS, Comparison
from bonas.benchmarks.comparison.execution import Make, advance, quiet
from bonas.benchmarks.comparison.plan import Plan, planned
from bonas.benchmarks.comparison.problem import Problem
from bonas.benchmarks.comparison.processes import run_in_workers
from bonas.benchmarks.comparison.stored import selected
from bonas.benchmarks.tables import Table
from bonas.errors import InvalidArgument
from bonas.studies.storages.opening import Storage, open_storage


def compare(
    methods: Sequence[str] | Mapping[str, Make],
    problems: Sequence[str | Table | Problem],
    budget: int,
    seeds: int | Sequence[int],
    storage: Storage | None = None,
    *,
    folder: str | PathLike[str] | None = None,
    jobs: int = 1,
    progress: bool = True,
    checkpoints: Sequence[int] = CHECKPOINTS,
) -> Comparison:
    """Run every method on every problem with every seed, or read the runs that are stored.

    Each evaluation is stored at once: the same call goes on where it was cut off, and a larger
    budget goes on with the runs. A run ends early when it has found the exact answer.

    Args:
        methods: Names out of ``METHODS``, or a name -> a function of (space, seed) that returns an
            Optuna sampler. Those that search one objective only are left out of the other problems.
        problems: Names that ``benchmarks.problem`` knows, or tables.
        budget: How many evaluations a run has, its random ones included.
        seeds: How many, or which.
        storage: Where the runs are kept: the path of a journal (``bench.log``), which is fast, a
            database's URL, or an Optuna storage; None keeps them in memory.
        folder: Where the tables lie that are read from a folder.
        jobs: How many runs at once, each in a process with one thread. A script needs its
            ``if __name__ == "__main__"`` then.
        progress: Whether to show a progress bar.
        checkpoints: After how many evaluations to look.

    Raises:
        InvalidArgument: for an unknown name, or an argument that cannot work.
        MissingData: if the data of a problem is not there.
        StudyMismatch: if the storage holds a run of the same name about something else.
        EvaluationFailed: if five evaluations in a row failed.

    >>> rows = {8: {"accuracy": 70.0}, 16: {"accuracy": 75.0}, 32: {"accuracy": 74.0}}
    >>> table = Table.of(rows, parameters=["width"], objectives={"accuracy": "maximize"})
    >>> found = compare(["random", "local-search"], [table], budget=9, seeds=2, progress=False)
    >>> found.array("queries").shape  # problems x methods x seeds
    (1, 2, 2)
    """
    plan = planned(methods, problems, budget, seeds, folder)
    for checkpoint in checkpoints:
        check_count("a checkpoint", checkpoint)
    check_count("jobs", jobs)
    names = _names(plan)
    opened = InMemoryStorage() if storage is None else open_storage(storage)
    with quiet(), _bar(plan, names, progress) as bar:
        if jobs == 1:
            _run_here(plan, opened, bar)
        else:
            given = opened if storage is None else storage
            for key in run_in_workers(plan, given, jobs):
                bar.set_postfix_str(str(key))
                bar.update(plan.budget)
    return selected(opened, names, list(plan.methods), plan.seeds, budget, checkpoints)


def _names(plan: Plan) -> dict[str, int]:
    """A problem's name -> how many runs it has."""
    names: dict[str, int] = {}
    for index in range(len(plan.problems)):
        problem = plan.problem(index)
        if problem.name in names:
            raise InvalidArgument(
                f"problems must have different names, got {problem.name!r} twice; give the table "
                "another name"
            )
        names[problem.name] = len(list(plan.keys(problem)))
    return names


def _run_here(plan: Plan, storage: BaseStorage, bar: tqdm[NoReturn]) -> None:
    for index in range(len(plan.problems)):
        problem = plan.problem(index)  # one at a time: a table and its space may be large
        for key in plan.keys(problem):
            bar.set_postfix_str(str(key))
            end = bar.n + plan.budget
            advance(problem, key, plan.make(key.method), plan.budget, storage, bar.update)
            bar.update(end - bar.n)


def _bar(plan: Plan, names: Mapping[str, int], visible: bool) -> tqdm[NoReturn]:
    total = sum(names.values()) * plan.budget
    return tqdm(total=total, disable=not visible, unit="evaluation")
