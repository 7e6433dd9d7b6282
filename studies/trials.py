"""A trial's life in the study: asked, measured or failed, released when its process died."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Mapping, Sequence

import optuna
import psutil
from optuna.trial import FrozenTrial, Trial, TrialState

from bonas.studies.history import ERROR, proposed

WORKER = "bonas:worker"
"""The trial's user attribute that says which process evaluates it."""
_LONGEST = 20_000  # characters of a traceback that are kept: its end


def evaluated(study: optuna.Study) -> int:
    """How many architectures were evaluated, with success or not; the budget counts these."""
    return sum(
        trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        or (trial.state == TrialState.FAIL and ERROR in trial.user_attrs)
        for trial in study.get_trials(deepcopy=False)
    )


def claim(study: optuna.Study, trial: FrozenTrial) -> None:
    """Write down that this process evaluates the trial."""
    study._storage.set_trial_user_attr(trial._trial_id, WORKER, _this_process())


def complete(
    study: optuna.Study, trial: Trial, values: Mapping[str, float], names: Sequence[str]
) -> None:
    """Store the objectives ``names`` as the trial's values, everything else as its attributes."""
    for name, value in values.items():
        if name not in names:
            trial.set_user_attr(name, value)
    study.tell(trial, [values[name] for name in names])


def fail(study: optuna.Study, trial: Trial, error: Exception) -> None:
    """Store a failed evaluation, with its traceback."""
    text = "".join(traceback.format_exception(error))
    trial.set_user_attr(ERROR, text[-_LONGEST:])
    study.tell(trial, state=TrialState.FAIL)


def release_abandoned(study: optuna.Study) -> int:
    """Release the trials whose process, on this host, has died; their number."""
    return _release(study, _is_dead)


def release_own(study: optuna.Study) -> int:
    """Release the trials that this process was evaluating; their number."""
    own = _this_process()
    return _release(study, lambda worker: worker == own)


def _release(study: optuna.Study, chosen: Callable[[Mapping[str, object] | None], bool]) -> int:
    """Give up running trials unmeasured; their architectures are the next to be asked for."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    released = [trial for trial in running if chosen(trial.user_attrs.get(WORKER))]
    for trial in released:
        study.tell(trial.number, state=TrialState.FAIL)
        params = dict(proposed(trial))
        if params:
            study.enqueue_trial(params)
    return len(released)


def _this_process() -> dict[str, str | int | float]:
    own = psutil.Process()
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": own.create_time()}


def _is_dead(worker: Mapping[str, object] | None) -> bool:
    """Whether a process of this host no longer runs; of others, nothing is known."""
    if worker is None or worker.get("host") != socket.gethostname():
        return False
    try:
        claimed = float(str(worker["started"]))
        started = float(psutil.Process(int(str(worker["pid"]))).create_time())
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return True
    return abs(started - claimed) > 1.0  # the number was reused
