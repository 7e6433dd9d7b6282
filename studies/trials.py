"""A trial's life in the study: claimed, measured or failed; released when its worker died.

Every proposal has an index. It is the trial's number, but for a proposal whose trial was released
before it was measured: that is the next to be proposed again, in a new trial with the old index,
so that a search that was cut off goes on as if it had not been.

The budget is met exactly, however many workers there are: a trial is evaluated only if fewer trials
than the budget were counted, running or waiting among those before it.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from bonas.evaluation.candidate import INDEX, index_of
from bonas.studies.lease import WORKER, Watch, Worker, works_on
from bonas.studies.planning.history import ERROR, KNOWN, PROPOSAL, proposed

RELEASED = "bonas:released"
"""The trial's system attribute that says why it was given up unmeasured."""
DIED, STOPPED, SURPLUS = "its worker died", "its worker was stopped", "the budget was used"
_DEATHS = 8  # of workers on one proposal, and it counts as failed
_LONGEST = 20_000  # characters of a traceback that are kept: its end

_logger = logging.getLogger(__name__)


def evaluated(study: optuna.Study) -> int:
    """How many architectures were evaluated, with success or not; the budget counts these."""
    return sum(map(counts, study.get_trials(deepcopy=False)))


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial was evaluated by this search, with success or not."""
    if KNOWN in trial.user_attrs:
        return False
    if trial.state == TrialState.FAIL:
        return ERROR in trial.user_attrs
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED)


def within(study: optuna.Study, number: int, budget: int) -> bool:
    """Whether the trial of that number may be evaluated.

    At most ``budget`` trials ever get a yes: of those that do, the one with the highest number saw
    all the others.
    """
    before = study.get_trials(deepcopy=False)[:number]
    open_states = (TrialState.RUNNING, TrialState.WAITING)
    return sum(counts(trial) or trial.state in open_states for trial in before) < budget


def claim(study: optuna.Study, trial: FrozenTrial, worker: Worker) -> None:
    """Write down who evaluates the trial."""
    study._storage.set_trial_user_attr(trial._trial_id, WORKER, worker.described())


def complete(
    study: optuna.Study, trial: Trial, values: Mapping[str, float], names: Sequence[str]
) -> None:
    """Store the objectives ``names`` as the trial's values, everything else as its attributes.

    A trial that was released in the meantime, its worker thought dead, is stored as a new one, but
    for a proposal that somebody else has measured by now.
    """
    others = {name: value for name, value in values.items() if name not in names}
    measured = [float(values[name]) for name in names]
    now = study._storage.get_trial(trial._trial_id)
    if now.state == TrialState.RUNNING and _is_measured(study, now):
        release(study, now, SURPLUS)
        return
    try:
        for name, value in others.items():
            trial.set_user_attr(name, value)
        study.tell(trial, measured)
    except (UpdateFinishedTrialError, ValueError) as error:
        now = study._storage.get_trial(trial._trial_id)
        if RELEASED not in now.system_attrs:
            raise
        _logger.warning("trial %d was released while it was evaluated: %s", trial.number, error)
        _store_late(study, now, measured, others)


def fail(study: optuna.Study, trial: Trial, error: Exception) -> None:
    """Store a failed evaluation, with its traceback."""
    text = "".join(traceback.format_exception(error))
    try:
        trial.set_user_attr(ERROR, text[-_LONGEST:])
        study.tell(trial, state=TrialState.FAIL)
    except (UpdateFinishedTrialError, ValueError):
        if RELEASED not in study._storage.get_trial(trial._trial_id).system_attrs:
            raise


def release(study: optuna.Study, trial: FrozenTrial, why: str) -> bool:
    """Give up a running trial unmeasured; False if it is finished by now."""
    storage = study._storage
    try:
        storage.set_trial_system_attr(trial._trial_id, RELEASED, why)
        return storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    except UpdateFinishedTrialError:
        return False


def release_abandoned(study: optuna.Study, watch: Watch) -> int:
    """Release the running trials whose worker is dead; their number."""
    known = study.get_trials(deepcopy=False)
    dead = watch.abandoned(trial for trial in known if trial.state == TrialState.RUNNING)
    return sum(_release_dead(study, trial, known) for trial in dead)


def release_own(study: optuna.Study, worker: Worker) -> int:
    """Release the trials that a worker was evaluating; their number."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return sum(release(study, t, STOPPED) for t in running if works_on(worker.name, t))


def given_up(known: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Released trials whose proposals nobody has measured or is measuring, one an index."""
    taken, released = set(), {}
    for trial in known:
        if trial.state == TrialState.FAIL and not counts(trial):
            if RELEASED in trial.system_attrs and is_proposed(trial):
                released[index_of(trial)] = trial
        elif is_proposed(trial):
            taken.add(index_of(trial))
    return [trial for index, trial in sorted(released.items()) if index not in taken]


def is_proposed(trial: FrozenTrial) -> bool:
    """Whether it is known what the trial evaluates."""
    return bool(trial.params) or PROPOSAL in trial.system_attrs or bool(proposed(trial))


def next_index(known: Iterable[FrozenTrial]) -> int:
    """Of a new proposal: one more than the highest that a trial has."""
    return max((index_of(trial) for trial in known if is_proposed(trial)), default=-1) + 1


def _is_measured(study: optuna.Study, own: FrozenTrial) -> bool:
    """Whether another trial has measured the same proposal."""
    same = _with_index(study.get_trials(deepcopy=False), index_of(own))
    return any(counts(trial) and trial.number != own.number for trial in same)


def _with_index(known: Iterable[FrozenTrial], index: int) -> list[FrozenTrial]:
    return [trial for trial in known if is_proposed(trial) and index_of(trial) == index]


def _release_dead(study: optuna.Study, trial: FrozenTrial, known: Sequence[FrozenTrial]) -> bool:
    """Release it, or count it as failed where it has cost too many workers their lives."""
    same = _with_index(known, index_of(trial)) if is_proposed(trial) else []
    deaths = sum(t.system_attrs.get(RELEASED) == DIED for t in same) + 1
    if deaths >= _DEATHS:
        text = f"{deaths} processes died while they evaluated it: out of memory, perhaps"
        try:
            study._storage.set_trial_user_attr(trial._trial_id, ERROR, text)
        except UpdateFinishedTrialError:
            return False
    return release(study, trial, DIED)


def _store_late(
    study: optuna.Study, trial: FrozenTrial, values: list[float], others: Mapping[str, Any]
) -> None:
    """What was measured, in a trial of its own, unless somebody else has measured it."""
    if _is_measured(study, trial):
        return
    attributes = {**trial.user_attrs, **others, INDEX: index_of(trial)}
    system = {name: x for name, x in trial.system_attrs.items() if name != RELEASED}
    study.add_trial(
        create_trial(
            values=values,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs=attributes,
            system_attrs=system,
        )
    )
