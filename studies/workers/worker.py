"""One worker: asks, evaluates and tells until the budget is used; of one process or of many."""

from __future__ import annotations

import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from bonas.errors import EvaluationFailed, StorageUnavailable
from bonas.evaluation import Candidate, measured
from bonas.studies import trials
from bonas.studies.lease import Renewal, Watch, Worker
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.search import Search

BUDGET = "bonas:budget"
"""The study's user attribute that says how many architectures its workers evaluate in all."""
Callback = Callable[[optuna.Study, FrozenTrial], object]

_SAME_FAILURES = 5  # in a row, and the worker stops
_PAUSES = 0.02, 0.5  # seconds between two looks at what others do: at first, and at most
_EXHAUSTED = (
    "all architectures of {} were evaluated before the budget of {} was used; the search ends here"
)


class Terminated(KeyboardInterrupt):
    """The process was told to end by SIGTERM."""


def work(
    search: Search,
    study: optuna.Study,
    worker: Worker,
    callbacks: Sequence[Callback] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Evaluate until the study's budget is used, the space exhausted, or ``stopped``.

    ``study`` has the search's sampler. An interrupt, or a storage that gives up, releases the trial
    under way, whose proposal is then the next to be evaluated, by whomever.

    Raises:
        EvaluationFailed: if the same failure came five times in a row.
        KeyboardInterrupt: if there was one; ``Terminated`` for a SIGTERM.
    """
    assert isinstance(study.sampler, ArchitectureSampler)
    study.sampler.worker = worker
    with sigterm_interrupts(), Renewal(study, worker):
        try:
            _Loop(search, study, callbacks).run(stopped)
        except BaseException:
            with suppress(StorageUnavailable):
                trials.release_own(study, worker)
            raise


def budget_of(study: optuna.Study) -> int:
    """How many architectures the study is to evaluate; 0 before anybody has said."""
    budget: object = study.user_attrs.get(BUDGET)
    return budget if isinstance(budget, int) and not isinstance(budget, bool) else 0


class _Loop:
    """The evaluations of one worker."""

    def __init__(self, search: Search, study: optuna.Study, callbacks: Sequence[Callback]) -> None:
        self.search, self.study, self.callbacks = search, study, callbacks
        self.names = [objective.name for objective in search.goals]
        self._watch = Watch()
        self._failure: tuple[object, ...] = ()  # the kind of the latest one
        self._times = 0  # that it came in a row

    def run(self, stopped: Callable[[], bool]) -> None:
        """Until there is nothing more to do."""
        pause = _PAUSES[0]
        while not stopped():
            room = self._room()
            if room is None:
                return
            if room:
                self._evaluate_one()
                pause = _PAUSES[0]
            else:
                trials.release_abandoned(self.study, self._watch)
                time.sleep(pause)
                pause = min(2 * pause, _PAUSES[1])

    def _room(self) -> bool | None:
        """Whether there is something to evaluate now; None if there never will be."""
        known = self.study.get_trials(deepcopy=False)
        budget = budget_of(self.study)
        done = sum(map(trials.counts, known))
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
        trial = self.study.ask()
        if not trials.within(self.study, trial.number, budget_of(self.study)):
            trials.release(self.study, trial._cached_frozen_trial, trials.SURPLUS)
            return
        try:
            self.search.space.suggest(trial)
        except UpdateFinishedTrialError:
            return  # this worker was thought dead, and the trial released
        failure = self._evaluated(trial)
        now = self.study.get_trials(deepcopy=False)[trial.number]
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
            trials.fail(self.study, trial, error)
            kind = _kind(error)
            self._times = self._times + 1 if kind == self._failure else 1
            self._failure = kind
            return error
        try:
            trials.complete(self.study, trial, values, self.names)
        except StorageUnavailable as error:
            raise _unsaved(candidate, values, error) from error
        self._failure, self._times = (), 0
        return None

    def _stopped(self, failure: Exception) -> EvaluationFailed:
        return EvaluationFailed(
            f"{_SAME_FAILURES} evaluations in a row failed with the same {type(failure).__name__}: "
            f"{failure}. What was measured is kept in the study {self.study.study_name!r} (this "
            "error's study); mend the evaluation and call again"
        )


def _unsaved(
    candidate: Candidate, values: Mapping[str, float], error: StorageUnavailable
) -> StorageUnavailable:
    row = dict(candidate.trial.params), dict(values)
    return StorageUnavailable(
        f"{error}. What was measured last could not be stored; not to lose it, give it to that "
        f"call: warm_start=[{row}]"
    )


def _kind(error: Exception) -> tuple[object, ...]:
    """Two errors are the same if they are of one class and were raised at one line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error), last.filename, last.lineno


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM interrupts the evaluation, as Ctrl-C does, unless the program has its own way."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated
