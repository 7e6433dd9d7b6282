"""The process that leads several workers: it proposes for them and tells what they evaluated."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from bonas.errors import EvaluationFailed, StorageUnavailable
from bonas.optuna_internals import stoppable
from bonas.studies import outcomes
from bonas.studies.records import ERROR, budget_of
from bonas.studies.running import claims, trials
from bonas.studies.running.interrupts import sigterm_interrupts
from bonas.studies.running.job import Job
from bonas.studies.running.lease import Watch, Worker
from bonas.studies.running.ledger import Ledger, Row
from bonas.studies.running.stopping import is_ending, pass_on
from bonas.studies.running.worker import Callback
from bonas.studies.running.worker_pool import Crew, Executor
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage

_PAUSE = 0.02  # seconds between two looks at the workers, at least,
_REST = 4.0  # and in times of what a look takes: long studies are read slowly
_KILLERS = 5  # architectures in a row that ended all their workers, and the search stops
_logger = logging.getLogger(__name__)


def lead(
    search: Search,
    study: optuna.Study,
    storage: Storage,
    n: int,
    executor: Executor | None,
    lease: float,
    callbacks: Sequence[Callback],
    ledger: Ledger,
) -> None:
    """Have ``n`` workers evaluate until nothing is left.

    Args:
        search: What they evaluate.
        study: With the search's sampler, which proposes for all.
        storage: The study's, as the workers can open it.
        n: How many workers there are.
        executor: What runs them; None starts processes.
        lease: Seconds without a sign of life after which a worker counts as dead.
        callbacks: Called after each evaluation, here; ``study.stop()`` ends the search.
        ledger: Notes what the workers measured.

    Raises:
        BonasError: what a worker raised.
        EvaluationFailed: if workers keep dying.
    """
    sampler = study.sampler
    assert isinstance(sampler, ArchitectureSampler)
    sampler.worker = leader = Worker.here(lease)
    threads = None if executor else max(1, (os.cpu_count() or 1) // n)
    name, child = study.study_name, executor is None
    since = len(study.get_trials(deepcopy=False))
    job = Job(search, storage, name, sampler.seed, lease, leader.name, since, threads, child)
    names = [goal.name for goal in search.goals]
    watch, known = Watch(), _finished(study)
    before = known.keys()
    with sigterm_interrupts(), stoppable(study):
        crew = Crew(job, n, executor, ledger)
        if executor is None:  # others may fork this process, or pickle the space, at any time
            sampler.warm_up(budget_of(study))
        try:
            while crew.check(_progress(study, known)):
                began = time.monotonic()
                _save(study, crew.left(), names)
                trials.release_abandoned(study, watch)
                busy = _served(study, sampler, leader.name, n)
                known = _told(study, known, callbacks)
                _check_deaths([t for number, t in known.items() if number not in before])
                if not busy:
                    time.sleep(max(_PAUSE, _REST * (time.monotonic() - began)))
        except StorageUnavailable:
            crew.gather()
            raise
        finally:
            crew.stop()
            _save(study, crew.left(), names)
            release_dead(study)
        _told(study, known, callbacks)


def _served(study: optuna.Study, sampler: ArchitectureSampler, leader: str, n: int) -> bool:
    """Propose for the workers, or let them end after ``study.stop()``; whether that took time."""
    pass_on(study, leader)
    if is_ending(study, leader):
        claims.release_tickets(study, leader)
        return False
    return bool(sampler.serve(study, leader)) or sampler.prepare(study, n)


def release_dead(study: optuna.Study) -> None:
    """Release what dead processes were evaluating, as far as that can be told at once."""
    released = trials.release_abandoned(study, Watch())
    if released:
        _logger.warning("%d trial(s) of processes that died will be evaluated again", released)


def _save(study: optuna.Study, left: Mapping[int, Row], names: Sequence[str]) -> None:
    """Store what workers measured and did not live to store."""
    for number, (_, values) in left.items():
        trial = study.get_trials(deepcopy=False)[number]
        if trial.state != TrialState.COMPLETE:
            _logger.warning("trial %d was measured by a worker that died; it is stored", number)
            trials.complete(study, trial, values, names)


def _progress(study: optuna.Study, known: Mapping[int, FrozenTrial]) -> int:
    """What was evaluated, and the deaths for which a proposal is to blame."""
    return len(known) + outcomes.deaths(study.get_trials(deepcopy=False))


def _check_deaths(new: Sequence[FrozenTrial]) -> None:
    """See whether every evaluation ends its process."""
    latest = sorted(new, key=lambda trial: str(trial.datetime_complete))[-_KILLERS:]
    if len(latest) == _KILLERS and all(map(outcomes.is_deadly, latest)):
        raise EvaluationFailed(
            f"{_KILLERS} architectures in a row ended every process that evaluated them, the last "
            f"one: {ERROR.read(latest[-1])}. What was measured is kept; mend the evaluation "
            "and call again"
        )


def _finished(study: optuna.Study) -> dict[int, FrozenTrial]:
    """The evaluated trials by their numbers."""
    return {t.number: t for t in study.get_trials(deepcopy=False) if outcomes.counts(t)}


def _told(
    study: optuna.Study, known: Mapping[int, FrozenTrial], callbacks: Sequence[Callback]
) -> dict[int, FrozenTrial]:
    """Call the callbacks with each trial that was evaluated since; all that are evaluated now."""
    now = _finished(study)
    for number in sorted(now.keys() - known.keys()):
        for callback in callbacks:
            callback(study, now[number])
    return now
