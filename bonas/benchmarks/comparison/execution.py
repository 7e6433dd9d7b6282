"""The execution of one run, evaluation by evaluation; it may be cut off at any point.

The search runs in memory, for speed; each finished trial is written to the storage at once and as a
whole. A stored run is loaded into memory before it continues, so that it ends as if it had never
been cut off: a sampler's state is the trials, and its draws follow from its seed and the trial's
number. A worker of a search (``studies.running``) differs in each of these: it shares its study
with others while it evaluates, and stops at five failures of the same kind.
"""

from __future__ import annotations

import copy
import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import TrialPruned
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from bonas.benchmarks.baselines import METHODS, MakeSampler
from bonas.benchmarks.baselines.search_settings import SearchSettings
from bonas.benchmarks.comparison.problem import Problem
from bonas.benchmarks.comparison.run import (
    ASK_SECONDS,
    ENDED,
    SETTINGS,
    STUDY_CHANGES,
    TRUTH,
    RunKey,
    has_spent,
)
from bonas.errors import EvaluationFailed, StudyMismatch
from bonas.evaluation import Candidate, Evaluator
from bonas.evaluation.declared import SupportsDescribe
from bonas.evaluation.record import Record
from bonas.optuna_internals import set_study_system_attr, study_system_attrs
from bonas.studies.lineage.description import set_names
from bonas.studies.outcomes import share_of
from bonas.studies.proposing.measure_first import MeasureFirst
from bonas.studies.proposing.search_space import is_exhausted
from bonas.studies.records import ERROR, SEED
from bonas.studies.running import trials
from bonas.studies.running.early_stopping import EarlyStopping, StoppedEarly
from bonas.studies.running.measurement_log import MeasurementLog
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.stopping.rule import StoppingRule
from bonas.studies.study import open_study
from bonas.threads import one_thread

_FAILURES = 5  # in a row, and the run stops
_PARTS = ("bonas", "optuna", "torch", "botorch", "numpy")


def execute_run(
    problem: Problem,
    key: RunKey,
    make: MakeSampler,
    budget: int,
    storage: BaseStorage,
    tick: Callable[[float], object],
) -> None:
    """Resume a run until the budget is used or it cannot improve.

    ``tick`` is called after each evaluation, with the share of a full one that it took.

    Raises:
        StudyMismatch: if the storage holds a run of that name with other settings, or another
            process executes it.
        EvaluationFailed: if five evaluations in a row failed.
    """
    evaluate = problem.evaluator(key.seed)
    sampler, rule = _sampler_and_rule(problem, key, make, evaluate)
    description = _description(problem, key, make)
    stored = open_study(storage, str(key), problem.objectives, description, sampler)
    if is_finished(stored.user_attrs, _spent(stored), budget):
        return
    _store_settings(stored, problem, budget)
    study = _load_into_memory(stored, sampler)
    SEED.write(study, key.seed)
    with one_thread():
        while not _has_ended(study, problem):
            if has_spent(_spent(study), budget):
                return
            finished = _evaluate_one(study, problem, evaluate, rule)
            _store(stored, finished)
            tick(share_of(finished))
            _check_failures(study)
    stored.set_user_attr(ENDED, True)


def _sampler_and_rule(
    problem: Problem, key: RunKey, make: MakeSampler, evaluate: Evaluator
) -> tuple[BaseSampler, StoppingRule | None]:
    """Return the sampler of a run, and what stops its evaluations early.

    Evaluations are counted, not timed: what is measured first has no bound but the short list.
    """
    if isinstance(make, SearchSettings):
        search = make.search(
            problem.space, evaluate, problem.objectives, is_looked_up=problem.is_looked_up
        )
        sampler: BaseSampler = make.sampler(search, key.seed)
        rule, measures_first = search.rule, bool(search.measure_first)
    else:
        sampler, rule, measures_first = make(problem.space, key.seed), None, True
    if isinstance(sampler, ArchitectureSampler) and measures_first:
        sampler.measure_first = MeasureFirst.of(evaluate, share=None)
    return sampler, rule


def is_finished(attributes: Mapping[str, Any], spent: float, budget: int) -> bool:
    """Return whether a run with these user attributes of its study has nothing left to do.

    ``spent``: full evaluations.
    """
    return has_spent(spent, budget) or bool(attributes.get(ENDED, False))


def _spent(study: optuna.Study) -> float:
    """Return how many full evaluations the trials of a run stand for."""
    return math.fsum(share_of(trial) for trial in study.get_trials(deepcopy=False))


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Optuna's log messages about each study and trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _description(problem: Problem, key: RunKey, make: MakeSampler) -> dict[str, Any]:
    """Return what identifies a run: a stored one has to agree with it."""
    return {
        **key._asdict(),
        "units": [objective.unit for objective in problem.objectives],
        **_settings(key, make),
        **problem.describe(),
    }


def _settings(key: RunKey, make: MakeSampler) -> dict[str, Any]:
    """Return the settings of a method; the name of one out of ``METHODS`` says all."""
    named = METHODS.get(key.method)
    if not isinstance(make, SupportsDescribe) or (named is not None and named.make is make):
        return {}
    return {"settings": make.describe()}


def _store_settings(stored: optuna.Study, problem: Problem, budget: int) -> None:
    """Store what a report needs, after a check against what was stored before."""
    before = stored.user_attrs.get(SETTINGS, {})
    answer = _answer(problem)
    for name, value in answer.items():
        if name in before and not np.allclose(before[name], value, rtol=1e-9, atol=0.0):
            raise StudyMismatch(
                f"the run {stored.study_name!r} was begun on other values: its {name} was "
                f"{before[name]}, now {value}; choose another storage"
            )
    versions = {part: str(import_module(part).__version__) for part in _PARTS}
    settings = {
        "budget": max(budget, before.get("budget", 0)),
        "versions": {**versions, "python": platform.python_version()},
        **answer,
    }
    stored.set_user_attr(SETTINGS, settings)


def _answer(problem: Problem) -> dict[str, Any]:
    known = problem.reference
    if known is None:
        return {}
    return {
        "best": known.best.tolist(),
        "worst": known.worst.tolist(),
        "hypervolume": known.hypervolume,
    }


def _load_into_memory(stored: optuna.Study, sampler: BaseSampler) -> optuna.Study:
    """Copy a stored study into memory, with what samplers keep in the study itself."""
    study = optuna.create_study(directions=stored.directions, sampler=sampler)
    if stored.metric_names is not None:
        set_names(study, stored.metric_names)
    for trial in stored.get_trials(deepcopy=False):
        for name, value in trial.system_attrs.get(STUDY_CHANGES, {}).items():
            set_study_system_attr(study, name, value)
        study.add_trial(trial)
    return study


def _evaluate_one(
    study: optuna.Study, problem: Problem, evaluate: Evaluator, rule: StoppingRule | None
) -> FrozenTrial:
    """Ask, evaluate and tell; return the finished trial in the form that is stored."""
    before = study_system_attrs(study).copy()
    start = time.perf_counter()
    trial = study.ask()
    problem.space.suggest(trial)
    trial.set_user_attr(ASK_SECONDS, time.perf_counter() - start)
    _measure(study, trial, problem, evaluate, rule)
    finished = copy.deepcopy(study.get_trials(deepcopy=False)[trial.number])
    after = study_system_attrs(study)
    changed = {name: v for name, v in after.items() if name not in before or before[name] != v}
    if changed:
        finished.system_attrs = {**finished.system_attrs, STUDY_CHANGES: changed}
    return finished


def _measure(
    study: optuna.Study,
    trial: optuna.Trial,
    problem: Problem,
    evaluate: Evaluator,
    rule: StoppingRule | None,
) -> None:
    """Measure a trial and finish it, as a worker of a search does."""
    candidate = Candidate.of(problem.space, trial)
    record = Record([objective.name for objective in problem.objectives])
    log = MeasurementLog(study, trial, record)
    early = EarlyStopping(rule, study, candidate, record)
    try:
        values = early.measured(evaluate, log.note)
    except TrialPruned as error:
        stopped = error.decision if isinstance(error, StoppedEarly) else None
        trials.prune(study, trial, error, record.values, log.attributes({}), stopped)
    except Exception as error:
        others = error.values if isinstance(error, EvaluationFailed) else {}
        trials.fail(study, trial, error, {**record.values, **others}, log.attributes(others))
    else:
        truth = problem.truth(candidate.choices)
        if truth is not None:
            trial.set_user_attr(TRUTH, truth)
        log.close()
        trials.complete(study, trial, values, record.names, log.curves())


def _store(stored: optuna.Study, trial: FrozenTrial) -> None:
    if len(stored.get_trials(deepcopy=False)) != trial.number:
        raise StudyMismatch(
            f"another process is at the run {stored.study_name!r} in the same storage; wait for "
            "it, or choose another storage"
        )
    stored.add_trial(trial)


def _has_ended(study: optuna.Study, problem: Problem) -> bool:
    """Return whether the exact answer was evaluated, or every architecture."""
    answer = problem.answer
    if answer is not None:
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return answer <= {tuple(trial.user_attrs[TRUTH]) for trial in done}
    sampler = study.sampler
    return isinstance(sampler, ArchitectureSampler) and is_exhausted(study, sampler.space)


def _check_failures(study: optuna.Study) -> None:
    last = study.get_trials(deepcopy=False)[-_FAILURES:]
    if len(last) == _FAILURES and all(trial.state == TrialState.FAIL for trial in last):
        reason = (ERROR.read(last[-1]) or "?").strip().splitlines()[-1]
        raise EvaluationFailed(
            f"{_FAILURES} evaluations in a row failed, the last with {reason}; fix the "
            "evaluation and call again: what was measured is kept"
        )
