"""The loop of one worker: it evaluates until the budget is used, alone or among others."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

import optuna
from optuna.exceptions import TrialPruned, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from bonas.errors import DeviceUnavailable, EvaluationFailed, StorageUnavailable
from bonas.evaluation import Candidate, Evaluator, Stages
from bonas.evaluation.record import Record
from bonas.optuna_internals import is_stopped, live, stoppable
from bonas.studies.artifacts import Artifacts
from bonas.studies.budget import budget_of
from bonas.studies.constraints import attributes_of, constraints_of, never_measured, sizes_of
from bonas.studies.lease import Renewal, Watch, worker_of
from bonas.studies.lineage.networks import record_network
from bonas.studies.outcomes import reopened_below
from bonas.studies.proposing.search_space import is_exhausted
from bonas.studies.records import SURPLUS
from bonas.studies.running import trials, turns
from bonas.studies.running.early_stopping import EarlyStopping, StoppedEarly
from bonas.studies.running.ending import pass_on
from bonas.studies.running.interrupts import held_back, is_own, sigterm_interrupts
from bonas.studies.running.isolation import Isolation
from bonas.studies.running.ledger import Ledger
from bonas.studies.running.measurement_log import MeasurementLog
from bonas.studies.running.proposal_server import ProposalServer
from bonas.studies.running.streak import Streak
from bonas.studies.search import Search

Callback = Callable[[optuna.Study, FrozenTrial], object]

_PAUSES = 0.02, 0.5  # seconds between two looks at what others do: at first, and at most
_PATIENCE = 5.0  # seconds that another program's trial is waited for without a word
_logger = logging.getLogger(__name__)
_EXHAUSTED = (
    "all architectures of {} were evaluated before the budget of {} was used; the search ends here"
)


def work(
    search: Search,
    server: ProposalServer,
    callbacks: Sequence[Callback] = (),
    ledger: Ledger | None = None,
    stopped: Callable[[], bool] = lambda: False,
    since: int = 0,
) -> None:
    """Evaluate until the study's budget is used, the space exhausted, or ``stopped``.

    ``study.stop()``, in a callback or in an evaluation, ends it after the evaluation under way.

    An interrupt, or a storage that gives up, releases the trial under way, whose proposal is then
    the next to be evaluated, by any worker. So does an evaluation that raises an error which is not
    an ``Exception``, such as ``SystemExit``; but that counts as a death, of which a proposal
    survives few.

    Args:
        search: What is evaluated.
        server: Has the study and the worker, and gives its trials their proposals.
        callbacks: Called after each evaluation.
        ledger: Notes what is measured.
        stopped: Whether to end before the next evaluation.
        since: The number of the call's first trial.

    Raises:
        EvaluationFailed: if the same failure came five times in a row, the first evaluation of the
            call returned something without the objectives, or an evaluation finished its own trial.
        KeyboardInterrupt: if there was one; ``Terminated`` for a SIGTERM.
        DeviceUnavailable: if the device that measures networks is away for too long.
        StorageUnavailable: if the storage gives up; the ledger has what was measured.
        BaseException: what an evaluation raised to end its process.
    """
    study, worker = server.study, server.worker
    with sigterm_interrupts(), stoppable(study), Renewal(study, worker):
        try:
            loop = _Loop(search, server, callbacks, ledger or Ledger(), since)
            with closing(loop):
                loop.run(lambda: is_stopped(study) or stopped())
            if worker.asker != worker.name:
                pass_on(study, worker.asker)
        except BaseException as error:
            if os.getpid() == worker.pid:
                with suppress(Exception):  # a storage that failed fails again
                    trials.release_own(study, worker, _cause_of_death(error))
            raise


def _cause_of_death(error: BaseException) -> str | None:
    """Return what ended the worker if its evaluation did; None for an error or a signal."""
    is_signal = isinstance(error, KeyboardInterrupt) and not is_own(error)
    if is_signal or isinstance(error, Exception):
        return None
    return " ".join(repr(error).split())


class _Loop:
    """The evaluations of one worker."""

    def __init__(
        self,
        search: Search,
        server: ProposalServer,
        callbacks: Sequence[Callback],
        ledger: Ledger,
        since: int,
    ) -> None:
        self.search, self.server = search, server
        self.study, self.worker = server.study, server.worker
        self.callbacks, self.ledger = callbacks, ledger
        self.names = [objective.name for objective in search.goals]
        self._watch = Watch()
        self._streak = Streak(self.study, since)
        self._isolation = Isolation(search, self.study)
        self._artifacts = Artifacts.of(search.artifacts, search.goals)
        self._begun: set[int] = set()  # its trials
        self._waited_for: set[int] = set()  # trials of others that were logged

    def run(self, stopped: Callable[[], bool]) -> None:
        """Evaluate until nothing is left to do, or ``stopped``."""
        self._isolation.prepare()
        pause, idle_since = _PAUSES[0], time.monotonic()
        while not stopped():
            room = self._room()
            if room is None:
                return
            if room:
                self._evaluate_one()
                pause, idle_since = _PAUSES[0], time.monotonic()
            else:
                trials.release_abandoned(self.study, self._watch)
                if time.monotonic() - idle_since > _PATIENCE:
                    self._log_waiting()
                time.sleep(pause)
                pause = min(2 * pause, _PAUSES[1])

    def close(self) -> None:
        """End the processes of isolated evaluations."""
        self._isolation.close()

    def _log_waiting(self) -> None:
        """Log which trials are waited for that no worker of a search renews."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if worker_of(trial).get("lease") or trial.number in self._waited_for:
                continue
            self._waited_for.add(trial.number)
            _logger.warning(
                "waiting for trial %d of the study %r, which another program runs or left running; "
                "if that is gone: study.tell(%d, state=optuna.trial.TrialState.FAIL)",
                trial.number,
                self.study.study_name,
                trial.number,
            )

    def _room(self) -> bool | None:
        """Return whether there is something to evaluate now; None if there never will be."""
        known = self.study.get_trials(deepcopy=False)
        budget, reopened = budget_of(self.study), reopened_below(self.study, known)
        running = sum(trial.state == TrialState.RUNNING for trial in known)
        if budget.is_used(known, reopened):
            return None
        if not budget.has_room(known, reopened, running):
            return False
        if not is_exhausted(self.study, self.search.space):
            return True
        if running:
            return False  # what is given up can be evaluated again
        warnings.warn(_EXHAUSTED.format(type(self.search.space).__name__, budget), stacklevel=4)
        return None

    def _evaluate_one(self) -> None:
        """Begin a trial, give it its proposal, measure it and store what was measured."""
        own = turns.begin(self.study, self.server.worker)
        if own.number in self._begun:
            raise self._unseen(own, "begun")
        self._begun.add(own.number)
        if not trials.within(self.study, own.number, budget_of(self.study)):
            trials.release(self.study, own, SURPLUS)
            return
        if not self._is_possible(own):
            self._call_back(own)
            return
        try:
            self.server.settle(own)
            trial = live(self.study, own)
            self.search.space.suggest(trial)
        except UpdateFinishedTrialError:
            return  # this worker was thought dead, and the trial released
        record_network(self.study, trial, self.search.space)
        if self._artifacts is not None:
            self._artifacts.begin(Candidate.of(self.search.space, trial))
        reason_to_stop = self._evaluated(trial)
        self._call_back(trial)
        if reason_to_stop is not None and not is_stopped(self.study):
            raise reason_to_stop

    def _is_possible(self, trial: FrozenTrial) -> bool:
        """Return whether a trial can have what it was enqueued with; else refuse the trial."""
        why = self.server.complete_enqueued(trial)
        if why is None:
            return True
        message = f"trial {trial.number} was enqueued with what it cannot have: {why}"
        _logger.warning("%s; it is not evaluated", message)
        trials.refuse(self.study, trial, f"{message}; enqueue it again with what is possible")
        return False

    def _call_back(self, trial: Trial | FrozenTrial) -> None:
        """Call the callbacks with a trial that is finished."""
        now = self.study.get_trials(deepcopy=False)[trial.number]
        if not now.state.is_finished():
            raise self._unseen(trial, "finished")
        for callback in self.callbacks:
            callback(self.study, now)

    def _evaluated(self, trial: Trial) -> EvaluationFailed | None:
        """Measure and store; return why the search ends, if it does."""
        record = Record(self.names)
        log = MeasurementLog(self.study, trial, record)
        candidate = Candidate.of(self.search.space, trial)
        early = EarlyStopping(self.search.rule, self.study, candidate, record)
        # Read before anything is measured: afterwards the storage may be gone.
        constraints = constraints_of(self.study)
        sizes = sizes_of(constraints, self.search.space, candidate.choices)
        try:
            evaluate = self._evaluator_of(early.candidate)
            values = early.measured(evaluate, log.note, self._check_process)
        except (StorageUnavailable, DeviceUnavailable):
            raise  # it is not the architecture's fault
        except TrialPruned as error:
            self._check_process()
            stopped = error.decision if isinstance(error, StoppedEarly) else None
            with held_back():
                measurements = {**log.attributes({}), **attributes_of(constraints, record.values)}
                trials.prune(self.study, trial, error, record.values, measurements, stopped)
        except Exception as error:
            self._check_process()
            others = error.values if isinstance(error, EvaluationFailed) else {}
            kept = {**record.values, **others}
            with held_back():
                measurements = {**log.attributes(others), **attributes_of(constraints, kept)}
                trials.fail(self.study, trial, error, kept, measurements)
            return self._streak.reason_to_stop(trial, error)
        else:
            self._check_process()
            log.close()
            values = {**values, **{n: v for n, v in sizes.items() if n not in values}}
            if self._artifacts is not None:
                self._artifacts.end(candidate, values)
            self._store(trial, values, {**log.curves(), **attributes_of(constraints, values)})
            if (unmeasured := never_measured(self.study, values)) is not None:
                return unmeasured
        self._streak.end()
        return None

    def _evaluator_of(self, candidate: Candidate) -> Evaluator:
        """Return what evaluates a candidate, without what was measured before it was chosen."""
        is_staged = isinstance(self.search.evaluator, Stages)
        known = self.server.measured(candidate.choices) if is_staged else {}
        return self._isolation.evaluator(known)

    def _store(self, trial: Trial, values: Mapping[str, float], curves: Mapping[str, Any]) -> None:
        with held_back():
            self.ledger.measured(trial.number, (dict(trial.params), dict(values)))
            try:
                space = self.search.space
                trials.complete(self.study, trial, values, self.names, curves, space)
            except (EvaluationFailed, StorageUnavailable):
                raise
            except Exception as error:  # of a foreign storage, or one that refuses a value
                raise StorageUnavailable(f"{type(error).__name__}: {error}") from error
            self.ledger.stored(trial.number)

    def _unseen(self, trial: Trial | FrozenTrial, what: str) -> StorageUnavailable:
        """Return the error for a storage that does not show what was written to it."""
        return StorageUnavailable(
            f"trial {trial.number} of the study {self.study.study_name!r} was {what}, but the "
            "storage does not show it: its file was damaged or exchanged. Give the file's path or "
            "URL as storage, and bonas says what is wrong with it"
        )

    def _check_process(self) -> None:
        """See whether this is still the process that began the evaluation."""
        if os.getpid() != self.worker.pid:
            raise EvaluationFailed(
                "the evaluation forked its process, and the copy returned, too; nothing of the "
                "copy is stored. End a forked process with os._exit(), or use multiprocessing"
            )
