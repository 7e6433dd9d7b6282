"""Adding finished trials to a study, each exactly once, by several processes and across crashes.

No storage has a lock that outlives a crash. So each trial is added as a running one with a mark.
If several have the same mark, the one with the lowest number counts, which all processes see alike:
each of them finishes that trial and fails the others. A process that dies on the way leaves nothing
that the next call does not complete. Reading a study takes time, so that many trials are added
between two readings.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.optuna_internals import create_trial as create_stored
from bonas.optuna_internals import finish
from bonas.studies.attributes import TrialAttribute
from bonas.studies.records import ERROR

_BATCH = 100  # trials between two readings of the study


def add_once(
    study: Study, trials: Mapping[str, FrozenTrial], attribute: TrialAttribute[str]
) -> int:
    """Add finished trials in their order; return how many the study did not have.

    Args:
        study: The study to add to.
        trials: Mark -> trial. A trial whose mark the study has is not added again.
        attribute: What holds the mark in a trial.
    """
    marked, marks, added = _marked_trials(study, attribute), list(trials), 0
    for start in range(0, len(marks), _BATCH):
        batch = marks[start : start + _BATCH]
        for mark in batch:
            if mark not in marked:
                create_stored(study, _running_copy(trials[mark], attribute.holding(mark)))
        marked = _marked_trials(study, attribute)
        for mark in batch:
            first, *others = marked[mark]
            if not first.state.is_finished():
                _finish(study, first, trials[mark])
                added += 1
            for other in others:
                if not other.state.is_finished():
                    _set_state(study, other, TrialState.FAIL)
    return added


def _marked_trials(study: Study, attribute: TrialAttribute[str]) -> dict[str, list[FrozenTrial]]:
    """Return mark -> the trials that have it, by their numbers."""
    found = defaultdict(list)
    for trial in study.get_trials(deepcopy=False):
        mark = attribute.read(trial)
        if mark is not None:
            found[mark].append(trial)
    return dict(found)


def _running_copy(trial: FrozenTrial, mark: Mapping[str, Any]) -> FrozenTrial:
    """Return the trial as a running one; without its error, which marks it as evaluated."""
    user, system = (
        {name: value for name, value in attributes.items() if name != ERROR.key}
        for attributes in (trial.user_attrs, trial.system_attrs)
    )
    return create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={**user, **mark},
        system_attrs=system,
        intermediate_values=trial.intermediate_values,
    )


def _finish(study: Study, running: FrozenTrial, trial: FrozenTrial) -> None:
    """Give a running copy the error, the state and the values of ``trial``."""
    error = ERROR.read(trial)
    if error is not None:
        with contextlib.suppress(UpdateFinishedTrialError):
            ERROR.write(study, running, error)
    _set_state(study, running, trial.state, trial.values)


def _set_state(
    study: Study, trial: FrozenTrial, state: TrialState, values: list[float] | None = None
) -> None:
    with contextlib.suppress(UpdateFinishedTrialError):  # another process was faster
        finish(study, trial, state, values)
