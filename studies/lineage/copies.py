"""Copies of a study's trials for its successor or its fork."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.evaluation.candidate import INDEX
from bonas.spaces import Space
from bonas.studies.budget import seconds_of
from bonas.studies.lineage.description import Description, incompatibilities
from bonas.studies.lineage.networks import changed_trials, has_same_network
from bonas.studies.outcomes import counts, failures, is_known
from bonas.studies.proposing.observations import point_of
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.records import COPIED, RELEASED, RENEWED, SECONDS, WORKER, values_of

# Attributes about one trial only.
_NOT_COPIED = (INDEX, *(attribute.key for attribute in (WORKER, COPIED, RENEWED, RELEASED)))


def copy_all(source: Study, wanted: Description) -> dict[str, FrozenTrial]:
    """Return mark -> copy of each evaluated or known trial, with the options of ``wanted``.

    Of a trial that failed and was tried again, only the latest attempt is copied.
    """
    known, m = source.get_trials(deepcopy=False), len(source.directions)
    failed = {trial.number for trial in failures(known)}
    kept = [trial for trial in known if counts(trial) or is_known(trial)]
    kept = [t for t in kept if t.state != TrialState.FAIL or t.number in failed]
    kept = [trial for trial in kept if _can_be_copied(trial, wanted, m)]
    return {_mark(source, trial): _copy(trial, trial.values, wanted) for trial in kept}


def copy_comparable(
    source: Study, stored: Description, wanted: Description, space: Space | None, before: int
) -> dict[str, FrozenTrial]:
    """Return mark -> copy of each trial whose values hold for ``wanted``.

    These are complete trials with a number below ``before``; none if something else is measured
    now. If networks are built differently now, only trials whose network is the same are copied.
    Values are matched to the objectives of ``wanted`` by name.
    """
    if incompatibilities(stored, wanted, () if space is None else space.bounds):
        return {}
    known = source.get_trials(deepcopy=False)[:before]
    is_rebuilt = bool(changed_trials(known, space))
    order = [list(stored["objectives"]).index(name) for name in wanted["objectives"]]
    copies = {}
    for trial in known:
        if is_rebuilt and space is not None and not has_same_network(trial, space):
            continue
        if trial.state == TrialState.COMPLETE and _can_be_chosen(trial, stored, wanted, space):
            found = values_of(trial, len(stored["objectives"]))
            if found is not None:
                values = [found[i] for i in order]
                copies[_mark(source, trial)] = _copy(trial, values, wanted)
    return copies


def is_valid_in(trial: FrozenTrial, space: Space) -> bool:
    """Return whether the parameters of a trial are a valid architecture of the space."""
    point = point_of(trial, space, Parameters({}))
    if point is None or point.architecture is None:
        return False
    return space.is_valid(point.architecture.choices)


def _can_be_chosen(
    trial: FrozenTrial, stored: Description, wanted: Description, space: Space | None
) -> bool:
    """Return whether the search for ``wanted`` could choose the parameters of a trial."""
    options = wanted.get("parameters", {})
    chosen = {n: x for n, x in trial.params.items() if n in stored.get("parameters", {})}
    are_options = all(value in options.get(name, ()) for name, value in chosen.items())
    return are_options and (space is None or is_valid_in(trial, space))


def _can_be_copied(trial: FrozenTrial, wanted: Description, m: int) -> bool:
    """Return whether Optuna accepts the trial with the options of ``wanted``."""
    options = wanted.get("parameters", {})
    if any(value not in options.get(name, (value,)) for name, value in trial.params.items()):
        return False
    values = trial.values
    are_whole = values is not None and len(values) == m and not any(map(math.isnan, values))
    return trial.state != TrialState.COMPLETE or are_whole


def _mark(source: Study, trial: FrozenTrial) -> str:
    return f"{source.study_name}#{trial.number}"


def _copy(trial: FrozenTrial, values: Sequence[float] | None, wanted: Description) -> FrozenTrial:
    parameters = wanted.get("parameters", {})
    distributions: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(parameters[name]) if name in parameters else own
        for name, own in trial.distributions.items()
    }
    return create_trial(
        state=trial.state,
        values=values,
        params=trial.params,
        distributions=distributions,
        user_attrs=_copied(trial.user_attrs),
        system_attrs=_copied(trial.system_attrs) | _final(trial) | _seconds(trial),
        intermediate_values=trial.intermediate_values,
    )


def _final(trial: FrozenTrial) -> dict[str, Any]:
    """Return the attribute that keeps a failed trial from being tried again, if it has that."""
    reason = RELEASED.read(trial)
    return {} if reason is None or trial.state != TrialState.FAIL else RELEASED.holding(reason)


def _seconds(trial: FrozenTrial) -> dict[str, Any]:
    """Return how long a trial took, which the times of its copy do not say."""
    seconds = seconds_of(trial)
    return SECONDS.holding(seconds) if seconds else {}


def _copied(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in _NOT_COPIED}
