"""The coordinator of a worker pool: it proposes for the workers and reports what they evaluate."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from bonas.errors import EvaluationFailed, StorageUnavailable
from bonas.optuna_internals import stoppable
from bonas.studies.lease import LEASE, Watch
from bonas.studies.outcomes import counts, deaths, is_deadly
from bonas.studies.records import ERROR
from bonas.studies.running import trials, turns
from bonas.studies.running.ending import is_ending, pass_on
from bonas.studies.running.interrupts import sigterm_interrupts
from bonas.studies.running.job import Job
from bonas.studies.running.ledger import Ledger, Row
from bonas.studies.running.proposal_server import ProposalServer
from bonas.studies.running.worker import Callback
from bonas.studies.running.worker_pool import Executor, WorkerPool
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage

_PAUSE = 0.02  # seconds between two looks at the workers, at least,
_REST = 4.0  # and in times of what a look takes: long studies are read slowly
_KILLERS = 5  # architectures in a row that ended all their workers, and the search stops
_logger = logging.getLogger(__name__)


def coordinate(
    search: Search,
    server: ProposalServer,
    storage: Storage,
    n: int,
    executor: Executor | None,
    callbacks: Sequence[Callback],
    ledger: Ledger,
) -> None:
    """Have ``n`` workers evaluate until nothing is left.

    Args:
        search: What they evaluate.
        server: Has the study, and proposes for all of them.
        storage: The study's, as the workers can open it.
        n: How many workers there are.
        executor: What runs them; None starts processes.
        callbacks: Called after each evaluation, here; ``study.stop()`` ends the search.
        ledger: Notes what the workers measured.

    Raises:
        BonasError: what a worker raised.
        EvaluationFailed: if workers keep dying.
    """
    study, names = server.study, [goal.name for goal in search.goals]
    coordinator = _Coordinator(server, n, callbacks)
    job = _job(search, server, storage, n, is_child=executor is None)
    with sigterm_interrupts(), stoppable(study):
        pool = WorkerPool(job, n, executor, ledger)
        if executor is None:  # others may fork this process, or pickle the space, at any time
            server.warm_up()
        try:
            while pool.check(coordinator.progress()):
                began = time.monotonic()
                _store_left(study, pool.left(), names)
                if not coordinator.step():
                    time.sleep(max(_PAUSE, _REST * (time.monotonic() - began)))
        except StorageUnavailable:
            pool.gather()
            raise
        finally:
            pool.stop()
            _store_left(study, pool.left(), names)
            trials.release_dead(study)
        coordinator.call_back()


def _job(search: Search, server: ProposalServer, storage: Storage, n: int, is_child: bool) -> Job:
    """Return what a worker is to do; processes of this machine share its CPU."""
    return Job(
        search,
        storage,
        study=server.study.study_name,
        seed=server.seed,
        lease=server.worker.lease or LEASE,
        asker=server.worker.name,
        since=len(server.study.get_trials(deepcopy=False)),
        threads=max(1, (os.cpu_count() or 1) // n) if is_child else None,
        child=is_child,
    )


class _Coordinator:
    """What was evaluated so far, and the next step.

    Args:
        server: Proposes for the workers.
        n: How many workers there are.
        callbacks: Called after each evaluation.
    """

    def __init__(self, server: ProposalServer, n: int, callbacks: Sequence[Callback]) -> None:
        self._server, self._study = server, server.study
        self._n, self._callbacks = n, callbacks
        self._watch = Watch()
        self._known = _evaluated_trials(self._study)
        self._before = self._known.keys()

    def progress(self) -> int:
        """Return how much was evaluated, with the deaths for which a proposal is to blame."""
        return len(self._known) + deaths(self._study.get_trials(deepcopy=False))

    def step(self) -> bool:
        """Release, propose and call back once; return whether proposing took time.

        Raises:
            EvaluationFailed: if every evaluation ends its process.
        """
        trials.release_abandoned(self._study, self._watch)
        is_busy = self._serve()
        self.call_back()
        _check_deaths([t for number, t in self._known.items() if number not in self._before])
        return is_busy

    def call_back(self) -> None:
        """Call the callbacks with each trial that was evaluated since the last call."""
        before, self._known = self._known, _evaluated_trials(self._study)
        for number in sorted(self._known.keys() - before.keys()):
            for callback in self._callbacks:
                callback(self._study, self._known[number])

    def _serve(self) -> bool:
        """Propose for the workers, or end their waiting after ``study.stop()``."""
        asker = self._server.worker.name
        pass_on(self._study, asker)
        if is_ending(self._study, asker):
            turns.release_waiting(self._study, asker)
            return False
        return bool(self._server.serve()) or self._server.prepare(self._n)


def _store_left(study: Study, left: Mapping[int, Row], names: Sequence[str]) -> None:
    """Store what workers measured and did not live to store."""
    for number, (_, values) in left.items():
        trial = study.get_trials(deepcopy=False)[number]
        if trial.state != TrialState.COMPLETE:
            _logger.warning("trial %d was measured by a worker that died; it is stored", number)
            trials.complete(study, trial, values, names)


def _check_deaths(new: Sequence[FrozenTrial]) -> None:
    """Raise EvaluationFailed if every evaluation ends its process."""
    latest = sorted(new, key=lambda trial: str(trial.datetime_complete))[-_KILLERS:]
    if len(latest) == _KILLERS and all(map(is_deadly, latest)):
        raise EvaluationFailed(
            f"{_KILLERS} architectures in a row ended every process that evaluated them, the last "
            f"one: {ERROR.read(latest[-1])}. What was measured is kept; fix the evaluation "
            "and call again"
        )


def _evaluated_trials(study: Study) -> dict[int, FrozenTrial]:
    """Return the evaluated trials by their numbers."""
    return {t.number: t for t in study.get_trials(deepcopy=False) if counts(t)}
