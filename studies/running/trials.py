"""A trial's life in the study: claimed, measured or failed; released when its worker died.

The budget is met exactly, however many workers there are: a trial is evaluated only if fewer trials
than the budget were counted, running or waiting among those before it. What was pruned counts, and
so does what failed; ``retries`` says when what failed is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from bonas.errors import EvaluationFailed
from bonas.evaluation.candidate import INDEX, index_of
from bonas.evaluation.failure import Failure
from bonas.optuna_internals import create_trial as create_stored
from bonas.optuna_internals import finish, read_afresh, set_system_attr, set_user_attr
from bonas.spaces import Space
from bonas.studies.budget import Budget, budget_of
from bonas.studies.lease import Watch, Worker, works_on
from bonas.studies.outcomes import counts, deaths, is_known, reopened_below
from bonas.studies.proposing.observations import choices_of
from bonas.studies.records import (
    COPIED,
    DIED,
    ERROR,
    FAILURE,
    IMPOSSIBLE,
    KNOWN,
    RELEASED,
    SECONDS,
    STOPPED,
    STOPPED_EARLY,
    SURPLUS,
    is_proposed,
    proposed,
)
from bonas.studies.stopping.rule import Decision
from bonas.texts import storable

_SUMMARY = ("reason", "rule", "rung", "step", "fidelity")  # of a decision to stop
_DEATHS = 8  # of workers on one proposal, and it counts as failed

_logger = logging.getLogger(__name__)


def within(study: optuna.Study, number: int, budget: Budget) -> bool:
    """Return whether the trial of that number may be evaluated.

    What may be evaluated is at most the budget, each running trial counted as a full one: of all
    these trials, the one with the highest number saw all the others.
    """
    known = study.get_trials(deepcopy=False)
    before, reopened = known[:number], reopened_below(study, known)
    open_states = (TrialState.RUNNING, TrialState.WAITING)
    return budget.has_room(before, reopened, sum(t.state in open_states for t in before))


def complete(
    study: optuna.Study,
    trial: Trial | FrozenTrial,
    values: Mapping[str, float],
    names: Sequence[str],
    curves: Mapping[str, Any] | None = None,
    space: Space | None = None,
) -> None:
    """Store the objectives ``names`` as the trial's values, everything else as its attributes.

    ``curves`` are system attributes with all measurements, some of which may be stored already, and
    constraints. ``space`` tells which proposals are one network.

    What was measured is never dropped. A trial that was released in the meantime, its worker
    thought dead, is stored as a new one. What another worker has measured by now, or what the
    budget has no room for, is stored as known: data that no budget counts.

    Raises:
        EvaluationFailed: if the evaluation has finished the trial itself.
    """
    others: dict[str, Any] = {n: value for n, value in values.items() if n not in names}
    measured = [float(values[name]) for name in names]
    before = read_afresh(study, trial)
    if _is_measured(study, before, space):
        others |= KNOWN.holding(SURPLUS)
    try:
        _add_system_attrs(study, before, curves or {})
        for name, value in others.items():
            set_user_attr(study, trial, name, value)
        study.tell(trial.number, measured)
    except (UpdateFinishedTrialError, ValueError) as error:
        now = read_afresh(study, trial)
        if not now.state.is_finished():
            raise
        if not RELEASED.is_in(now):
            raise _finished_by_itself(now, error, values) from error
        _logger.warning("trial %d was released while it was evaluated: %s", trial.number, error)
        _store_late(study, now, measured, others, curves or {}, space)


def fail(
    study: optuna.Study,
    trial: Trial,
    error: Exception,
    measured: Mapping[str, float] | None = None,
    measurements: Mapping[str, Any] | None = None,
) -> None:
    """Store a failed evaluation, with its kind, its traceback and what it measured all the same.

    ``measurements`` are system attributes, some of which may be stored already.

    Raises:
        EvaluationFailed: if the evaluation has finished the trial itself.
    """
    failure = Failure.of(error)
    with _finishing(study, trial, error):
        _add_measured(study, trial, measured or {}, measurements or {})
        FAILURE.write(study, trial, failure.stored())
        ERROR.write(study, trial, storable(failure.text))
        study.tell(trial, state=TrialState.FAIL)


def prune(
    study: optuna.Study,
    trial: Trial,
    error: Exception,
    measured: Mapping[str, float] | None = None,
    measurements: Mapping[str, Any] | None = None,
    stopped: Decision | None = None,
) -> None:
    """Store that an evaluation was pruned; what it measured and reported before is kept.

    ``measurements`` are system attributes, some of which may be stored already; ``stopped`` is the
    decision of the rule that has pruned it.

    Raises:
        EvaluationFailed: if the evaluation has finished the trial itself.
    """
    with _finishing(study, trial, error):
        _add_measured(study, trial, measured or {}, measurements or {})
        if stopped is not None:
            summary = {n: x for n, x in stopped.stored().items() if n in _SUMMARY}
            STOPPED_EARLY.write(study, trial, summary)
        study.tell(trial, state=TrialState.PRUNED)


def refuse(study: optuna.Study, trial: FrozenTrial, why: str) -> None:
    """Store that a trial cannot be evaluated: a failed one, which is never tried again."""
    with suppress(UpdateFinishedTrialError):  # it was released
        RELEASED.write(study, trial, IMPOSSIBLE)
        ERROR.write(study, trial, storable(why))
        finish(study, trial, TrialState.FAIL)


def release(study: optuna.Study, trial: FrozenTrial, why: str) -> bool:
    """Give up a running trial unmeasured; return False if it is finished by now."""
    try:
        RELEASED.write(study, trial, why)
        return finish(study, trial, TrialState.FAIL)
    except UpdateFinishedTrialError:
        return False


def release_abandoned(study: optuna.Study, watch: Watch) -> int:
    """Release the running trials whose worker is dead; return their number."""
    known = study.get_trials(deepcopy=False)
    dead = watch.abandoned(trial for trial in known if trial.state == TrialState.RUNNING)
    return sum(_release_dead(study, trial, known, "out of memory, perhaps") for trial in dead)


def release_dead(study: optuna.Study) -> None:
    """Release what dead processes were evaluating, as far as that can be found out at once."""
    released = release_abandoned(study, Watch())
    if released:
        _logger.warning("%d trial(s) of processes that died will be evaluated again", released)


def release_own(study: optuna.Study, worker: Worker, death: str | None = None) -> int:
    """Release the trials that a worker was evaluating; return their number.

    ``death`` is what ended the worker, where it was its evaluation that did.
    """
    known = study.get_trials(deepcopy=False)
    own = [t for t in known if t.state == TrialState.RUNNING and works_on(worker.name, t)]
    if death is None:
        return sum(release(study, trial, STOPPED) for trial in own)
    return sum(_release_dead(study, trial, known, f"the last one by {death}") for trial in own)


@contextmanager
def _finishing(study: optuna.Study, trial: Trial, error: Exception) -> Iterator[None]:
    """Let a block finish a trial; it changes nothing if the trial was released.

    Raises:
        EvaluationFailed: if the evaluation has finished the trial itself.
    """
    try:
        yield
    except (UpdateFinishedTrialError, ValueError) as finished:
        now = read_afresh(study, trial)
        if not now.state.is_finished():
            raise
        if not RELEASED.is_in(now):
            raise _finished_by_itself(now, finished) from error


def _finished_by_itself(
    trial: FrozenTrial, error: Exception, values: Mapping[str, float] | None = None
) -> EvaluationFailed:
    returned = "" if values is None else f"; it returned {dict(values)}"
    return EvaluationFailed(
        f"expected trial {trial.number} to run until its evaluation returns, but it is "
        f"{trial.state.name} ({error}); an evaluation returns or raises, and leaves it to bonas to "
        f"tell its trial; a process that it forks ends with os._exit(){returned}"
    )


def _is_measured(study: optuna.Study, own: FrozenTrial, space: Space | None) -> bool:
    """Return whether another trial has measured the same proposal, or late the same network.

    The network of a worker that seemed dead may have been proposed again under another index.
    """
    others = [t for t in study.get_trials(deepcopy=False) if t.number != own.number]
    stored = [t for t in others if is_proposed(t) and _is_stored(t)]
    if any(index_of(trial) == index_of(own) for trial in stored):
        return True
    suspects = stored if _is_late(own) else [trial for trial in stored if _is_late(trial)]
    if space is None or not suspects or (network := _network(own, space)) is None:
        return False
    return any(_network(trial, space) == network for trial in suspects)


def _is_late(trial: FrozenTrial) -> bool:
    """Return whether the trial was released while it was evaluated, or is what was stored then."""
    return RELEASED.is_in(trial) or (SECONDS.is_in(trial) and not COPIED.is_in(trial))


def _network(trial: FrozenTrial, space: Space) -> tuple[str, dict[str, Any]] | None:
    """Return what a trial evaluates: its network, and the parameters outside the space."""
    choices = choices_of(trial, space)
    if choices is None:
        return None
    others = {n: x for n, x in proposed(trial).items() if n not in space.distributions}
    return space.architecture(choices).key, others


def _is_stored(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE and (counts(trial) or is_known(trial))


def _with_index(known: Iterable[FrozenTrial], index: int) -> list[FrozenTrial]:
    return [trial for trial in known if is_proposed(trial) and index_of(trial) == index]


def _release_dead(
    study: optuna.Study, trial: FrozenTrial, known: Sequence[FrozenTrial], reason: str
) -> bool:
    """Release a trial of a dead worker, or fail it if too many workers died of its proposal."""
    same = _with_index(known, index_of(trial)) if is_proposed(trial) else []
    died = deaths(same) + 1
    if died >= _DEATHS:
        text = f"{died} processes died while they evaluated it: {reason}"
        try:
            FAILURE.write(study, trial, Failure("crash", "", text).stored())
            ERROR.write(study, trial, storable(text))
        except UpdateFinishedTrialError:
            return False
    return release(study, trial, DIED)


def _add_measured(
    study: optuna.Study,
    trial: Trial,
    measured: Mapping[str, float],
    measurements: Mapping[str, Any],
) -> None:
    """Add final values as user attributes, and all measurements."""
    for name, value in measured.items():
        trial.set_user_attr(name, value)
    if measurements:
        _add_system_attrs(study, read_afresh(study, trial), measurements)


def _add_system_attrs(study: optuna.Study, trial: FrozenTrial, added: Mapping[str, Any]) -> None:
    """Add those of the system attributes that ``trial``, as it was read now, does not hold."""
    for name, text in added.items():
        if trial.system_attrs.get(name) != text:
            set_system_attr(study, trial, name, text)


def _store_late(
    study: optuna.Study,
    trial: FrozenTrial,
    values: list[float],
    others: Mapping[str, Any],
    curves: Mapping[str, Any],
    space: Space | None,
) -> None:
    """Store what was measured in a trial of its own, which is within the budget or known."""
    system = {name: x for name, x in trial.system_attrs.items() if name != RELEASED.key}
    if trial.datetime_start is not None:
        seconds = (datetime.now() - trial.datetime_start).total_seconds()
        system |= SECONDS.holding(max(0.0, seconds))
    late = create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={**trial.user_attrs, **others, INDEX: index_of(trial)},
        system_attrs={**system, **curves},
    )
    is_surplus = _is_measured(study, trial, space)
    budget, stored = budget_of(study), create_stored(study, late)
    if is_surplus or (budget and not within(study, stored.number, budget)):
        KNOWN.write(study, stored, SURPLUS)
    finish(study, stored, TrialState.COMPLETE, values)
