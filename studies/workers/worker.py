"""One worker: asks, evaluates and tells until the budget is used; of one process or of many."""

from __future__ import annotations

import logging
import os
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from bonas.errors import EvaluationFailed, StorageUnavailable
from bonas.evaluation import Candidate, measured
from bonas.studies import claims, trials
from bonas.studies.lease import Renewal, Watch, Worker, claimed
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.search import Search
from bonas.studies.trials import budget_of
from bonas.studies.workers.interrupts import held_back, is_own, sigterm_interrupts
from bonas.studies.workers.ledger import Ledger

Callback = Callable[[optuna.Study, FrozenTrial], object]

_SAME_FAILURES = 5  # in a row, and the worker stops
_PAUSES = 0.02, 0.5  # seconds between two looks at what others do: at first, and at most
_PATIENCE = 5.0  # seconds that another program's trial is waited for without a word
_logger = logging.getLogger(__name__)
_EXHAUSTED = (
    "all architectures of {} were evaluated before the budget of {} was used; the search ends here"
)


def work(
    search: Search,
    study: optuna.Study,
    worker: Worker,
    callbacks: Sequence[Callback] = (),
    ledger: Ledger | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Evaluate until the study's budget is used, the space exhausted, or ``stopped``.

    An interrupt, or a storage that gives up, releases the trial under way, whose proposal is then
    the next to be evaluated, by whomever. So does an evaluation that raises what is no
    ``Exception``, such as ``SystemExit``; but that is a death, of which one proposal survives few.

    Args:
        search: What is evaluated.
        study: It has the search's sampler.
        worker: Who evaluates.
        callbacks: Called after each evaluation.
        ledger: Notes what is measured.
        stopped: Whether to end before the next evaluation.

    Raises:
        EvaluationFailed: if the same failure came five times in a row, or an evaluation told its
            trial itself.
        KeyboardInterrupt: if there was one; ``Terminated`` for a SIGTERM.
        StorageUnavailable: if the storage gives up; the ledger has what was measured.
        BaseException: what an evaluation raised to end its process.
    """
    assert isinstance(study.sampler, ArchitectureSampler)
    study.sampler.worker = worker
    with sigterm_interrupts(), Renewal(study, worker):
        try:
            _Loop(search, study, worker, callbacks, ledger or Ledger()).run(stopped)
        except BaseException as error:
            if os.getpid() == worker.pid:
                with suppress(Exception):  # a storage that failed fails again
                    trials.release_own(study, worker, _death(error))
            raise


def _death(error: BaseException) -> str | None:
    """What ended the worker, if it was its evaluation."""
    told = isinstance(error, KeyboardInterrupt) and not is_own(error)
    if told or isinstance(error, Exception):
        return None
    return " ".join(repr(error).split())


class _Loop:
    """The evaluations of one worker."""

    def __init__(
        self,
        search: Search,
        study: optuna.Study,
        worker: Worker,
        callbacks: Sequence[Callback],
        ledger: Ledger,
    ) -> None:
        self.search, self.study, self.worker = search, study, worker
        self.callbacks, self.ledger = callbacks, ledger
        self.names = [objective.name for objective in search.goals]
        self._watch = Watch()
        self._failure: tuple[object, ...] = ()  # the kind of the latest one
        self._times = 0  # that it came in a row
        self._begun: set[int] = set()  # its trials
        self._waited_for: set[int] = set()  # trials of others that were told

    def run(self, stopped: Callable[[], bool]) -> None:
        """Until there is nothing more to do."""
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
                    self._tell_waiting()
                time.sleep(pause)
                pause = min(2 * pause, _PAUSES[1])

    def _tell_waiting(self) -> None:
        """Say which trials are waited for that no worker of a search renews."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if claimed(trial).get("lease") or trial.number in self._waited_for:
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
        """Whether there is something to evaluate now; None if there never will be."""
        known = self.study.get_trials(deepcopy=False)
        budget = budget_of(self.study)
        done = len(trials.counted(known))
        running = sum(trial.state == TrialState.RUNNING for trial in known)
        if done >= budget:
            return None
        if done + running >= budget:
            return False
        sampler = self.study.sampler
        assert isinstance(sampler, ArchitectureSampler)
        if not sampler.exhausted(self.study):
            return True
        if running:
            return False  # what is given up can be evaluated again
        warnings.warn(_EXHAUSTED.format(type(self.search.space).__name__, budget), stacklevel=4)
        return None

    def _evaluate_one(self) -> None:
        sampler = self.study.sampler
        assert isinstance(sampler, ArchitectureSampler)
        trial = claims.begin(self.study, sampler.worker or self.worker)
        if trial.number in self._begun:
            raise self._unseen(trial, "begun")
        self._begun.add(trial.number)
        if not trials.within(self.study, trial.number, budget_of(self.study)):
            trials.release(self.study, trial._cached_frozen_trial, trials.SURPLUS)
            return
        try:
            self.search.space.suggest(trial)
        except UpdateFinishedTrialError:
            return  # this worker was thought dead, and the trial released
        failure = self._evaluated(trial)
        now = self.study.get_trials(deepcopy=False)[trial.number]
        if not now.state.is_finished():
            raise self._unseen(trial, "finished")
        for callback in self.callbacks:
            callback(self.study, now)
        if failure is not None and self._times == _SAME_FAILURES:
            raise self._stopped(failure) from failure

    def _evaluated(self, trial: Trial) -> Exception | None:
        """Measure and store; what went wrong."""
        candidate = Candidate.of(self.search.space, trial)
        try:
            values = measured(self.search.evaluator, candidate, self.search.goals)
        except StorageUnavailable:
            raise  # it is not the architecture's fault
        except Exception as error:
            self._check_process()
            with held_back():
                trials.fail(self.study, trial, error)
            kind = _kind(error)
            self._times = self._times + 1 if kind == self._failure else 1
            self._failure = kind
            return error
        self._check_process()
        with held_back():
            self.ledger.measured(trial.number, (dict(trial.params), dict(values)))
            try:
                trials.complete(self.study, trial, values, self.names)
            except (EvaluationFailed, StorageUnavailable):
                raise
            except Exception as error:  # of a storage that is none of bonas's, or refuses a value
                raise StorageUnavailable(f"{type(error).__name__}: {error}") from error
            self.ledger.stored(trial.number)
        self._failure, self._times = (), 0
        return None

    def _unseen(self, trial: Trial, what: str) -> StorageUnavailable:
        """The error for a storage that does not show what was written to it."""
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

    def _stopped(self, failure: Exception) -> EvaluationFailed:
        return EvaluationFailed(
            f"{_SAME_FAILURES} evaluations in a row failed with the same {type(failure).__name__}: "
            f"{failure}. What was measured is kept in the study {self.study.study_name!r} (this "
            "error's study); mend the evaluation and call again"
        )


def _kind(error: Exception) -> tuple[object, ...]:
    """Two errors are the same if they are of one class and were raised at one line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error), last.filename, last.lineno
