"""Retries: what failed in an evaluation is tried again, since the evaluation may be corrected.

A call that finds no active worker *reopens* the trials that failed before it. Their proposals are
made again before all others, each once, in new trials with their old index; until then no budget
counts them. So a deterministic failure costs one evaluation per call, and the search goes on as if
what is fixed had never failed. A process that joins active workers reopens nothing.

What ended eight processes is not reopened, and neither is an enqueued trial that stands for no
architecture.

A failed trial has no measurement, so to try it again measures nothing twice: the invariant of
``turns`` holds with "settled, and not open" in place of "settled". Whether a trial is open follows
from its number and an attribute of the study. A worker reads both again before it writes a
proposal, and its new trial is settled, so that every later worker sees the index taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from bonas.evaluation.candidate import index_of
from bonas.studies.lease import worker_of
from bonas.studies.outcomes import can_be_reopened, is_open, is_taken, reopened_below
from bonas.studies.records import REOPENED


def reopen(study: optuna.Study) -> int:
    """Reopen what failed, unless a worker is active; return how many trials are open."""
    known = study.get_trials(deepcopy=False)
    failed = [trial.number for trial in known if can_be_reopened(trial)]
    is_active = any(t.state == TrialState.RUNNING and worker_of(t).get("lease") for t in known)
    if failed and not is_active and reopened_below(study, known) != failed[-1] + 1:
        REOPENED.write(study, failed[-1] + 1)
    return len(reopened(known, reopened_below(study, known)))


def close(study: optuna.Study) -> None:
    """Leave what failed before this call as it is."""
    REOPENED.write(study, 0)


def reopened(known: Sequence[FrozenTrial], below: int) -> list[FrozenTrial]:
    """Return the open trials that were not tried again, where failures ``below`` are open."""
    closed = {index_of(trial) for trial in known if is_taken(trial, below)}
    latest = {index_of(trial): trial for trial in known if is_open(trial, below)}
    return [trial for index, trial in latest.items() if index not in closed]


def has_failed_before(known: Sequence[FrozenTrial], own: Trial) -> bool:
    """Return whether an earlier trial of the same proposal failed."""
    earlier = (trial for trial in known[: own.number] if can_be_reopened(trial))
    return any(index_of(trial) == index_of(own) for trial in earlier)
