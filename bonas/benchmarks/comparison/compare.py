"""Methods against each other, on problems whose exact answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import NoReturn

from optuna.storages import BaseStorage, InMemoryStorage
from tqdm.auto import tqdm

from bonas.arguments import check_count
from bonas.benchmarks.baselines import MakeSampler
from bonas.benchmarks.comparison.comparison import CHECKPOINTS, Comparison, check_tolerances
from bonas.benchmarks.comparison.execution import execute_run, quiet
from bonas.benchmarks.comparison.plan import Plan, make_plan
from bonas.benchmarks.comparison.problem import Problem
from bonas.benchmarks.comparison.processes import run_in_processes
from bonas.benchmarks.comparison.stored import select_runs
from bonas.benchmarks.tables import Table
from bonas.errors import InvalidArgument
from bonas.studies.storages.opening import Storage, open_storage


def compare(
    methods: Sequence[str] | Mapping[str, MakeSampler],
    problems: Sequence[str | Table | Problem],
    budget: int,
    seeds: int | Sequence[int],
    storage: Storage | None = None,
    *,
    folder: str | PathLike[str] | None = None,
    jobs: int = 1,
    progress: bool = True,
    checkpoints: Sequence[int] = CHECKPOINTS,
    within: Sequence[float] = (),
) -> Comparison:
    """Run every method on every problem with every seed, or read the runs that are stored.

    Each evaluation is stored at once: the same call resumes where it was cut off, and a larger
    budget continues the runs. A run ends early when it has found the exact answer.

    Args:
        methods: Names out of ``METHODS``, or functions of (space, seed) that return an Optuna
            sampler, by name. Methods for one objective are left out of problems with several.
        problems: Names that ``benchmarks.problem`` knows, or tables.
        budget: Evaluations per run, the random ones included.
        seeds: The number of seeds, or the seeds.
        storage: The storage of the runs: the path of a journal (``bench.log``), which is fast, a
            database's URL, or an Optuna storage; None keeps them in memory.
        folder: The folder of the tables that are read from a folder.
        jobs: The number of runs at once, each in a process with one thread. A script needs its
            ``if __name__ == "__main__"`` then.
        progress: Whether to show a progress bar.
        checkpoints: The numbers of evaluations to report at.
        within: Tolerances in the unit of a single objective: evaluations are counted until a value
            so close to the best is found as well.

    Raises:
        InvalidArgument: for an unknown name, or an argument that cannot work.
        MissingData: if the data of a problem are not there.
        StudyMismatch: if the storage holds a run of the same name with other settings.
        EvaluationFailed: if five evaluations in a row failed.

    >>> rows = {8: {"accuracy": 70.0}, 16: {"accuracy": 75.0}, 32: {"accuracy": 74.0}}
    >>> table = Table.of(rows, parameters=["width"], objectives={"accuracy": "maximize"})
    >>> found = compare(["random", "local-search"], [table], budget=9, seeds=2, progress=False)
    >>> found.array("queries").shape  # problems x methods x seeds
    (1, 2, 2)
    """
    plan = make_plan(methods, problems, budget, seeds, folder)
    for checkpoint in checkpoints:
        check_count("a checkpoint", checkpoint)
    tolerances = check_tolerances(within)
    check_count("jobs", jobs)
    names = _names(plan)
    opened = InMemoryStorage() if storage is None else open_storage(storage)
    with quiet(), _bar(plan, names, progress) as bar:
        if jobs == 1:
            _run_here(plan, opened, bar)
        else:
            given = opened if storage is None else storage
            for key in run_in_processes(plan, given, jobs):
                bar.set_postfix_str(str(key))
                bar.update(plan.budget)
    methods_run = list(plan.methods)
    found = select_runs(opened, names, methods_run, plan.seeds, budget, checkpoints)
    return replace(found, within=tolerances)


def _names(plan: Plan) -> dict[str, int]:
    """Return the number of runs of each problem, by name."""
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
            execute_run(problem, key, plan.make(key.method), plan.budget, storage, bar.update)
            bar.update(end - bar.n)


def _bar(plan: Plan, names: Mapping[str, int], visible: bool) -> tqdm[NoReturn]:
    total = sum(names.values()) * plan.budget
    return tqdm(total=total, disable=not visible, unit="evaluation")
