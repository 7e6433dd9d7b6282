"""The process that leads several workers: it proposes for them and tells what they evaluated."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence

import optuna
from optuna.trial import FrozenTrial

from bonas.studies import trials
from bonas.studies.lease import Watch, Worker
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage
from bonas.studies.workers.crew import Crew, Executor, Job
from bonas.studies.workers.worker import Callback, budget_of, sigterm_interrupts

_PAUSE = 0.02  # seconds between two looks at the workers, at least,
_REST = 4.0  # and in times of what a look takes: long studies are read slowly
_logger = logging.getLogger(__name__)


def lead(
    search: Search,
    study: optuna.Study,
    storage: Storage,
    n: int,
    executor: Executor | None,
    lease: float,
    callbacks: Sequence[Callback],
) -> None:
    """Have ``n`` workers evaluate until nothing is left.

    Args:
        search: What they evaluate.
        study: With the search's sampler, which proposes for all.
        storage: The study's, as the workers can open it.
        n: How many workers there are.
        executor: What runs them; None starts processes.
        lease: Seconds without a sign of life after which a worker counts as dead.
        callbacks: Called after each evaluation, here.

    Raises:
        BonasError: what a worker raised.
    """
    sampler = study.sampler
    assert isinstance(sampler, ArchitectureSampler)
    sampler.worker = leader = Worker.here(lease)
    threads = None if executor else max(1, (os.cpu_count() or 1) // n)
    name, child = study.study_name, executor is None
    job = Job(search, storage, name, sampler.seed, lease, leader.name, threads, child)
    watch, known = Watch(), _finished(study)
    with sigterm_interrupts():
        crew = Crew(job, n, executor)
        if executor is None:  # others may fork this process, or pickle the space, at any time
            sampler.warm_up(budget_of(study))
        try:
            while crew.check(len(known)):
                began = time.monotonic()
                trials.release_abandoned(study, watch)
                served = sampler.serve(study, leader.name)
                known = _told(study, known, callbacks)
                if not served and not sampler.prepare(study, n):
                    time.sleep(max(_PAUSE, _REST * (time.monotonic() - began)))
        finally:
            crew.stop()
            release_dead(study)
    _told(study, known, callbacks)


def release_dead(study: optuna.Study) -> None:
    """Release what dead processes were evaluating, as far as that can be told at once."""
    released = trials.release_abandoned(study, Watch())
    if released:
        _logger.warning("%d trial(s) of processes that died will be evaluated again", released)


def _finished(study: optuna.Study) -> dict[int, FrozenTrial]:
    """The evaluated trials by their numbers."""
    return {t.number: t for t in study.get_trials(deepcopy=False) if trials.counts(t)}


def _told(
    study: optuna.Study, known: Mapping[int, FrozenTrial], callbacks: Sequence[Callback]
) -> dict[int, FrozenTrial]:
    """Call the callbacks with each trial that was evaluated since; all that are evaluated now."""
    now = _finished(study)
    for number in sorted(now.keys() - known.keys()):
        for callback in callbacks:
            callback(study, now[number])
    return now
