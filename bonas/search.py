"""One call that searches: ask, build, train, time, tell, until the budget is used."""

from __future__ import annotations

import logging
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial
from tqdm.auto import tqdm

from bonas.encoders import Encoder
from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import (
    Candidate,
    Direction,
    Evaluator,
    Joint,
    Objective,
    as_objectives,
    default_evaluation,
    measured,
)
from bonas.result import SearchResult
from bonas.spaces import Space
from bonas.studies import ArchitectureSampler, open_study, trials
from bonas.surrogates import Surrogate

_logger = logging.getLogger(__name__)

_SAME_FAILURES = 5  # in a row, and the search stops
_EXHAUSTED = (
    "all architectures of {} were evaluated before the budget of {} was used; the search ends here"
)
SEED = "bonas:seed"
"""The study's user attribute that holds the search's seed."""

Callback = Callable[[optuna.Study, FrozenTrial], object]


def optimize(
    space: Space,
    budget: int,
    *,
    evaluate: Evaluator | Sequence[Evaluator] | None = None,
    objectives: Mapping[str, Direction] | Sequence[Objective] | None = None,
    surrogate: str | Surrogate = "mixture",
    encoder: str | Encoder | Sequence[str | Encoder] | None = None,
    storage: str | BaseStorage | None = None,
    study_name: str | None = None,
    seed: int | None = None,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
) -> SearchResult:
    """Find the architectures of ``space`` that no other beats in all objectives at once.

    The same call with the same ``storage`` and ``study_name`` goes on where it stopped; a larger
    budget extends the search. Ctrl-C ends it with the result so far.

    Args:
        space: Which architectures are possible.
        budget: How many architectures the study evaluates in all, failed evaluations included.
        evaluate: A function of a ``Candidate`` that returns a name -> a number, or several whose
            results are joined; by default a short training on ``"digits"`` and a latency.
        objectives: A name -> ``"maximize"`` or ``"minimize"``; may be left out with evaluators of
            bonas, which know theirs.
        surrogate: ``"mixture"``, ``"gp"``, ``"gnn"``, ``"random"``, or a ``Surrogate``.
        encoder: What the surrogate reads; by default what suits it.
        storage: An Optuna storage or its URL; None keeps the study in memory.
        study_name: The study's name in the storage; ``"bonas"`` by default.
        seed: Of everything random; a stored study remembers its own.
        progress: Whether to show a progress bar.
        callbacks: Functions of the study and the finished trial, called after each evaluation.

    Raises:
        BonasError: for an argument that cannot work, a storage that cannot be opened, a study that
            was made for something else, or the same failure five times in a row.
    """
    _check_arguments(space, budget, callbacks)
    evaluator = _evaluator(space, evaluate)
    goals = _objectives(evaluator, objectives)
    sampler = ArchitectureSampler(space, surrogate=surrogate, encoder=encoder, seed=seed)
    study = open_study(storage, study_name, goals, _description(space, evaluator), sampler)
    sampler.seed = _remembered_seed(study, sampler.seed)
    released = trials.release_abandoned(study)
    if released:
        _logger.warning("%d trial(s) of processes that died will be evaluated again", released)
    result = SearchResult(study, space, goals)
    with _Bar(result, budget, progress) as bar:
        try:
            _run(result, budget, sampler, evaluator, [bar, *callbacks])
        except KeyboardInterrupt:
            trials.release_own(study)
            _logger.warning("interrupted; the same call goes on with the study")
    return result


def _run(
    result: SearchResult,
    budget: int,
    sampler: ArchitectureSampler,
    evaluator: Evaluator,
    callbacks: Sequence[Callback],
) -> None:
    """Ask, evaluate and tell until the budget is used or the space exhausted."""
    study, space = result.study, result.space
    names = [objective.name for objective in result.objectives]
    kind, times = None, 0  # of the latest failure, and how often it came in a row
    while trials.evaluated(study) < budget:
        if sampler.exhausted(study):
            warnings.warn(_EXHAUSTED.format(type(space).__name__, budget), stacklevel=3)
            return
        failure: Exception | None = None
        trial = study.ask()
        space.suggest(trial)
        candidate = Candidate.of(space, trial)
        try:
            values = measured(evaluator, candidate, result.objectives)
        except Exception as error:
            trials.fail(study, trial, error)
            times = times + 1 if _kind(error) == kind else 1
            failure, kind = error, _kind(error)
        else:
            trials.complete(study, trial, values, names)
            kind = None
        for callback in callbacks:
            callback(study, study.trials[trial.number])
        if failure is not None and times == _SAME_FAILURES:
            raise _stopped(study, failure) from failure


def _kind(error: Exception) -> tuple[type[Exception], str, int | None]:
    """Two errors are the same if they are of one class and were raised at one line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error), last.filename, last.lineno


def _stopped(study: optuna.Study, failure: Exception) -> EvaluationFailed:
    error = EvaluationFailed(
        f"{_SAME_FAILURES} evaluations in a row failed with the same {type(failure).__name__}: "
        f"{failure}. What was measured is kept in the study {study.study_name!r} (this error's "
        "study); mend the evaluation and call again"
    )
    error.study = study
    return error


def _check_arguments(space: Space, budget: int, callbacks: Sequence[Callback]) -> None:
    if not isinstance(space, Space):
        raise InvalidArgument(
            f"space must be an object of a bonas.Space, got {space!r}; "
            "as in bonas.optimize(bonas.spaces.NASBench201(channels=8, cells=1), 30)"
        )
    space.architecture(space.sample(np.random.default_rng(0)))  # raises for a broken space
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
        raise InvalidArgument(
            f"budget must be a whole number of architectures, at least 1; got {budget!r}"
        )
    for callback in callbacks:
        if not callable(callback):
            raise InvalidArgument(
                f"callbacks must be functions of (study, trial), got {callback!r}"
            )


def _evaluator(space: Space, given: Evaluator | Sequence[Evaluator] | None) -> Evaluator:
    """One evaluator out of what the user gave."""
    if given is None:
        if type(space).build is Space.build:
            space.build({})  # raises MissingBuilder
        return default_evaluation(space)
    if isinstance(given, Sequence):
        return Joint(given)
    if not callable(given):
        raise InvalidArgument(
            "evaluate must be a function of a candidate that returns a name -> a number, or a "
            f"list of such functions; got {given!r}"
        )
    return given


def _objectives(
    evaluator: Evaluator, given: Mapping[str, Direction] | Sequence[Objective] | None
) -> tuple[Objective, ...]:
    known = getattr(evaluator, "objectives", ())
    if given is None and not known:
        raise InvalidArgument(
            "this evaluate does not say what its objectives are; pass "
            'objectives={"accuracy": "maximize", "latency": "minimize"}, with its own names'
        )
    return as_objectives(known if given is None else given)


def _description(space: Space, evaluator: Evaluator) -> dict[str, Any]:
    """What makes two searches the same."""
    describe = getattr(evaluator, "describe", None)
    return {**space.describe(), "evaluation": {} if describe is None else describe()}


def _remembered_seed(study: optuna.Study, seed: int) -> int:
    """The seed that the study was begun with; ``seed`` where it is only beginning."""
    stored = study.user_attrs.get(SEED)
    if stored is None:
        study.set_user_attr(SEED, seed)
        return seed
    return int(stored)


class _Bar:
    """A progress bar over the budget, which shows the front; used as a callback."""

    def __init__(self, result: SearchResult, budget: int, visible: bool) -> None:
        self.result = result
        done = min(trials.evaluated(result.study), budget)
        self.bar = tqdm(total=budget, initial=done, disable=not visible, unit="network")

    def __enter__(self) -> _Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.bar.close()

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.bar.update()
        if not self.bar.disable:
            self.bar.set_postfix_str(self.result.headline())
