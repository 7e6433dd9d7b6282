"""Whose turn it is to ask: one process at a time proposes, for all workers that wait.

Workers that ask at once must not propose the same, nor fit the same surrogate each. A running trial
without a proposal is a ticket. Whoever asks for the oldest ticket, its worker or the process that
the worker works for, proposes for all tickets in the order of their numbers, each with those before
it as pending points. The asker's own proposal is written last: from then on it is another's turn.
A worker that dies while it asks loses its turn with its lease.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from bonas.studies import trials
from bonas.studies.lease import LEASE, Watch, Worker, claimed

_PAUSES = 0.01, 0.25  # seconds between two looks, at least and at most;
_SHARE = 0.1  # of the time waited so far
_DEAD = 1.0  # seconds between two looks for dead workers


def tickets(known: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that wait for a proposal, the oldest first."""
    return [
        trial
        for trial in known
        if trial.state == TrialState.RUNNING
        and claimed(trial).get("lease")
        and not trials.is_proposed(trial)
    ]


def to_serve(study: Study, asker: str) -> list[FrozenTrial]:
    """The tickets to propose for, if it is this asker's turn."""
    waiting = tickets(study.get_trials(deepcopy=False))
    return waiting if waiting and claimed(waiting[0]).get("asker") == asker else []


def await_turn(study: Study, trial: FrozenTrial, worker: Worker, watch: Watch) -> list[FrozenTrial]:
    """Wait until the trial has a proposal (no tickets), or its worker is to propose (for these).

    Whoever proposes for this worker may be gone: after a lease without a proposal for anybody, the
    worker asks for itself.
    """
    began = since = looked = time.monotonic()
    oldest = -1
    while True:
        waiting = tickets(study.get_trials(deepcopy=False))
        if all(ticket.number != trial.number for ticket in waiting):
            return []
        first = claimed(waiting[0])
        if first.get("asker") == worker.name:
            return waiting
        now = time.monotonic()
        if now - looked > _DEAD:
            trials.release_abandoned(study, watch)
            looked = now
        if waiting[0].number != oldest:
            oldest, since = waiting[0].number, now
        elif waiting[0].number == trial.number and now - since > (worker.lease or LEASE):
            trials.claim(study, trial, worker.alone())
        least, most = _PAUSES
        time.sleep(min(max(least, _SHARE * (now - began)), most))
