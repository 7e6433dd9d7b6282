"""Ablation: the same search with one part replaced, on the user's own problem."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

from optuna.samplers import BaseSampler

from bonas.benchmarks.baselines import MakeSampler
from bonas.benchmarks.baselines.search_settings import SearchSettings
from bonas.benchmarks.comparison.compare import compare
from bonas.benchmarks.comparison.comparison import CHECKPOINTS, Comparison
from bonas.benchmarks.comparison.problem import Problem, SpaceProblem, resolve_problem
from bonas.benchmarks.tables import Table
from bonas.errors import InvalidArgument
from bonas.evaluation import (
    Direction,
    Evaluator,
    Objective,
)
from bonas.spaces import Space
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage
from bonas.surrogates import Surrogate

Variant = str | Surrogate | Mapping[str, Any] | MakeSampler


def ablate(
    space: Space | Table | str,
    variants: Mapping[str, Variant],
    *,
    budget: int,
    seeds: int | Sequence[int],
    evaluate: Evaluator | Sequence[Evaluator] | None = None,
    objectives: Mapping[str, Direction] | Sequence[Objective] | None = None,
    storage: Storage | None = None,
    folder: str | PathLike[str] | None = None,
    jobs: int = 1,
    progress: bool = True,
    checkpoints: Sequence[int] = CHECKPOINTS,
    within: Sequence[float] = (),
) -> Comparison:
    """Search the same space with each variant and each seed, to measure what a part is worth.

    The same call resumes where it was cut off. Without a table there is no exact answer: the runs
    are judged by the union of all that any of them evaluated, on the scale that it spans.

    Args:
        space: The architectures, or a benchmark problem: its name or a table.
        variants: By name, a surrogate (its name or a ``Surrogate``), keyword arguments of
            ``bonas.optimize`` that decide the search (``surrogate``, ``encoder``, ``stopping``,
            ...) or of ``ArchitectureSampler`` (``acquisition``, ``n_initial``), or a function of
            (space, seed) that returns an Optuna sampler.
        budget: Full evaluations per run; one that fails counts, one that is stopped early counts
            the share that was spent.
        seeds: The number of seeds, or the seeds.
        evaluate: As in ``bonas.optimize``; a table brings its own.
        objectives: As in ``bonas.optimize``.
        storage: As in ``bonas.benchmarks.compare``, like all that follow.
        folder: The folder of the tables that are read from a folder.
        jobs: The number of runs at once.
        progress: Whether to show a progress bar.
        checkpoints: The numbers of evaluations to report at.
        within: Tolerances, as in ``bonas.benchmarks.compare``.

    Raises:
        InvalidArgument: for an argument that cannot work.
        MissingBuilder: if the space cannot be trained, and nothing else evaluates it.
        EvaluationFailed: if five evaluations in a row failed.

    >>> rows = {8: {"accuracy": 70.0}, 16: {"accuracy": 75.0}, 32: {"accuracy": 74.0}}
    >>> table = Table.of(rows, parameters=["width"], objectives={"accuracy": "maximize"})
    >>> variants = {"gp": {"surrogate": "gp", "n_initial": 2}, "random": "random"}
    >>> ablate(table, variants, budget=3, seeds=1, progress=False).array("found").ravel().tolist()
    [1.0, 1.0]
    """
    if isinstance(space, Space):
        search = Search(space, evaluate=evaluate, objectives=objectives)
        name = type(space).__name__
        problem: Problem = SpaceProblem(name, space, search.goals, search.evaluator)
    elif evaluate is not None or objectives is not None:
        raise InvalidArgument(
            "a table brings its own evaluation and objectives; leave evaluate and objectives out"
        )
    else:
        problem = resolve_problem(space, folder)
    methods = _methods(problem.space, variants)
    return compare(
        methods,
        [problem],
        budget,
        seeds,
        storage,
        jobs=jobs,
        progress=progress,
        checkpoints=checkpoints,
        within=within,
    )


def _methods(space: Space, variants: object) -> dict[str, MakeSampler]:
    if not isinstance(variants, Mapping) or not variants:
        raise InvalidArgument(
            'variants must map names to surrogates or settings, as in {"mixture": "mixture", '
            f'"without graphs": {{"encoder": ["one_hot"]}}}}; got {variants!r}'
        )
    return {name: _method(space, name, variant) for name, variant in variants.items()}


def _method(space: Space, name: object, variant: Any) -> MakeSampler:
    """Return the function that makes the sampler of a variant; it is called once as a check."""
    make: Callable[[Space, int], BaseSampler]
    if isinstance(variant, Mapping):
        make = _settings(name, dict(variant))
    elif isinstance(variant, str) or not _takes_two(variant):
        make = SearchSettings({"surrogate": variant})
    else:
        make = variant
    sampler: object = make(space, 0)
    if not isinstance(sampler, BaseSampler):
        raise InvalidArgument(f"the variant {name!r} must make an Optuna sampler, got {sampler!r}")
    return make


def _settings(name: object, given: Mapping[str, Any]) -> SearchSettings:
    try:
        return SearchSettings(given)
    except InvalidArgument as error:
        raise InvalidArgument(
            f"the variant {name!r}: {error} (the seeds are those of the ablation)"
        ) from error


def _takes_two(variant: object) -> bool:
    """Return whether it can be called with a space and a seed; a surrogate takes four arguments."""
    if not callable(variant):
        return False
    try:
        inspect.signature(variant).bind(None, None)
    except TypeError:
        return False
    return True
