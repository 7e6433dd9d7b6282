"""How a worker comes to the network that it evaluates: in turns, under any interleaving.

A running trial of a worker that has no proposal yet *waits*. The invariant:

    A trial's proposal is written by the worker that created the trial, and by no other process. It
    is written once, after that worker saw every trial with a lower number settled (proposed, or
    finished) and then, in a later reading of the study, that no settled trial has the index or the
    network of what it is about to write.

Numbers are given in order, so of two trials the lower one is settled first and the other sees it:
no two proposals share an index or a network, unless the trial of one of them was released. A server
that proposes for many workers only makes *offers*, which may be written at any time and over each
other; an offer that is not free any more when its turn comes is withdrawn, and another one is made.
An enqueued trial is settled from the start; the worker that takes it completes it. After writing,
the worker reads its trial again. If that was released meanwhile, since the worker seemed dead, it
has lost the proposal and evaluates nothing: the next worker to settle a trial waited for the
release, and so saw the proposal.

What failed in an earlier call may be proposed again, see ``retries``.

All this needs three things of a storage, which Optuna's give:

=======================  =========================================================================
a trial is created with  a trial that can be seen is claimed, and all with lower numbers can be
its claim, at once       seen: one line of a journal, one transaction under the lock of the study's
                         row (PostgreSQL, MySQL) or of the file (SQLite), the lock of the memory
a trial finishes once    the second to finish it gets ``UpdateFinishedTrialError``: by the order of
                         lines, by the lock of the trial's row, by ``BEGIN IMMEDIATE`` (SQLite)
what was written is      by every later reading; a reading need not be a snapshot, since what
seen                     decides is read again after the turn was seen
=======================  =========================================================================

Leases only ensure progress: a waiting trial whose worker is dead or silent is released.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.optuna_internals import create_trial as create_stored
from bonas.optuna_internals import read_afresh, take_enqueued
from bonas.studies.lease import LEASE, Watch, Worker, worker_of, works_on
from bonas.studies.records import STOPPED, WORKER, Proposal, is_proposed
from bonas.studies.running import trials

_PAUSES = 0.01, 0.5  # seconds between two looks, at least and at most
_SHARE = 0.1  # of the time waited so far, where nothing is offered yet
_DEAD = 1.0  # seconds between two looks for dead workers


def begin(study: Study, worker: Worker) -> FrozenTrial:
    """Return a trial that ``worker`` has claimed: one that was enqueued, or a new one."""
    own, trial = worker.described(), take_enqueued(study)
    if trial is None:
        claimed = create_trial(
            state=TrialState.RUNNING,
            user_attrs=WORKER.words(own),
            system_attrs=WORKER.holding(own),
        )
        return create_stored(study, claimed)
    with suppress(UpdateFinishedTrialError):
        WORKER.write(study, trial, own)
    return trial


def waiting_trials(known: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that wait for a proposal, the oldest first."""
    return [
        trial
        for trial in known
        if trial.state == TrialState.RUNNING
        and worker_of(trial).get("lease")
        and not is_proposed(trial)
    ]


def without_offer(waiting: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the waiting trials that nothing is offered to."""
    return [trial for trial in waiting if Proposal.offered(trial) is None]


def release_waiting(study: Study, asker: str) -> None:
    """End the waiting of the workers for which ``asker`` proposes."""
    for trial in waiting_trials(study.get_trials(deepcopy=False)):
        if worker_of(trial).get("asker") == asker:
            trials.release(study, trial, STOPPED)


def to_serve(study: Study, asker: str) -> list[FrozenTrial]:
    """Return the trials to make offers to, if the oldest of them is one of ``asker``."""
    waiting = without_offer(waiting_trials(study.get_trials(deepcopy=False)))
    return waiting if waiting and worker_of(waiting[0]).get("asker") == asker else []


def settle_in_turn(
    study: Study,
    trial: FrozenTrial,
    worker: Worker,
    watch: Watch,
    offer: Callable[[Sequence[FrozenTrial]], None],
    is_free: Callable[[Proposal], bool],
) -> bool:
    """Block until the trial has its proposal; return whether its asker seems to be gone.

    Args:
        study: The study.
        trial: Created by ``worker``.
        worker: Who evaluates it.
        watch: What it has seen of the others.
        offer: Makes offers to waiting trials, or releases them where nothing is left to be tried.
            It is called if ``worker`` proposes for itself, or if its asker makes no offer for as
            long as a lease.
        is_free: Whether no settled trial has the proposal, in a new reading of the study.

    Raises:
        UpdateFinishedTrialError: if the trial was released.
    """
    wait, is_alone = _Wait(study, watch), False
    while True:
        waiting = wait.read()
        own = next((other for other in waiting if other.number == trial.number), None)
        if own is None:
            _check_runs(study, trial)
            return is_alone
        proposal = Proposal.offered(own)
        if waiting[0] is not own:
            if works_on(worker.name, waiting[0]):  # its creation was answered by an error
                trials.release(study, waiting[0], STOPPED)
            wait.for_turn(waiting.index(own), proposal is not None)
        elif proposal is None:
            asks = worker_of(own).get("asker") == worker.name
            if asks or is_alone:
                offer(without_offer(waiting))
            else:
                is_alone = wait.for_offer() > (worker.lease or LEASE)
        elif is_free(proposal):
            proposal.settle(study, own)
            _check_runs(study, trial)
            return is_alone
        else:
            Proposal.withdraw(study, own)


def _check_runs(study: Study, trial: FrozenTrial) -> None:
    if read_afresh(study, trial).state.is_finished():
        raise UpdateFinishedTrialError(f"trial {trial.number} was released while its worker waited")


class _Wait:
    """The pauses of one worker that waits; dead workers are looked for meanwhile."""

    def __init__(self, study: Study, watch: Watch) -> None:
        self._study, self._watch = study, watch
        self._began = self._looked = time.monotonic()
        self._first_since: float | None = None  # when it was first seen to be the oldest
        self._took = 0.0  # seconds, the latest reading of the study

    def read(self) -> list[FrozenTrial]:
        """Return the trials that wait now."""
        began = time.monotonic()
        found = waiting_trials(self._study.get_trials(deepcopy=False))
        self._took = time.monotonic() - began
        return found

    def for_turn(self, before: int, has_offer: bool) -> None:
        """Pause while ``before`` older trials wait, each of which takes longer than a reading."""
        self._first_since = None
        self._pause(before * max(_PAUSES[0], self._took), has_offer)

    def for_offer(self) -> float:
        """Pause as the oldest; return the seconds for which nothing was offered."""
        if self._first_since is None:
            self._first_since = time.monotonic()
        self._pause(0.0, has_offer=False)
        return time.monotonic() - self._first_since

    def _pause(self, seconds: float, has_offer: bool) -> None:
        now = time.monotonic()
        if now - self._looked > _DEAD:
            trials.release_abandoned(self._study, self._watch)
            self._looked = now
        least, most = _PAUSES
        longer = 0.0 if has_offer else _SHARE * (now - self._began)  # a model is being fitted
        time.sleep(min(max(least, seconds, longer), most))
