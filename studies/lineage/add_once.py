"""Finished trials given to a study, each of them once, however often and by how many processes.

No storage has a lock that outlives a crash. So a trial comes as a running one with a mark; of
several with the same mark the one with the lowest number is meant, which everybody sees alike.
Whoever sees it finishes it, and the others are given up. A process that dies on the way leaves
nothing that the next call does not put right. To read a study takes time, so this is done for many
trials at once.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.studies.proposing.observations import ERROR

_AT_ONCE = 100


def add_once(study: Study, given: Mapping[str, FrozenTrial], attribute: str) -> int:
    """Add finished trials in their order; how many were not there before.

    Args:
        study: What they are added to.
        given: A mark -> the trial, which counts as there if one has the mark.
        attribute: The trials' user attribute that holds the mark.
    """
    there, marks, added = _marked(study, attribute), list(given), 0
    for start in range(0, len(marks), _AT_ONCE):
        some = marks[start : start + _AT_ONCE]
        for mark in some:
            if mark not in there:
                template = _running(given[mark], {attribute: mark})
                study._storage.create_new_trial(study._study_id, template_trial=template)
        there = _marked(study, attribute)
        for mark in some:
            first, *others = there[mark]
            if not first.state.is_finished():
                _finish(study, first, given[mark])
                added += 1
            for other in others:
                if not other.state.is_finished():
                    _set_state(study, other, TrialState.FAIL)
    return added


def _marked(study: Study, attribute: str) -> dict[str, list[FrozenTrial]]:
    """A mark -> the trials that have it, the lowest number first."""
    found = defaultdict(list)
    for trial in study.get_trials(deepcopy=False):
        if attribute in trial.user_attrs:
            found[str(trial.user_attrs[attribute])].append(trial)
    return dict(found)


def _running(trial: FrozenTrial, mark: Mapping[str, str]) -> FrozenTrial:
    """The trial before it is finished; without its error, which tells that it was evaluated."""
    kept = {name: value for name, value in trial.user_attrs.items() if name != ERROR}
    return create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={**kept, **mark},
        system_attrs=trial.system_attrs,
        intermediate_values=trial.intermediate_values,
    )


def _finish(study: Study, running: FrozenTrial, trial: FrozenTrial) -> None:
    if ERROR in trial.user_attrs:
        with contextlib.suppress(UpdateFinishedTrialError):
            error = trial.user_attrs[ERROR]
            study._storage.set_trial_user_attr(running._trial_id, ERROR, error)
    _set_state(study, running, trial.state, trial.values)


def _set_state(
    study: Study, trial: FrozenTrial, state: TrialState, values: list[float] | None = None
) -> None:
    with contextlib.suppress(UpdateFinishedTrialError):  # another process was faster
        study._storage.set_trial_state_values(trial._trial_id, state, values)
