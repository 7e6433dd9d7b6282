"""What a study searches: a space's architectures, and the parameters outside the space."""

from __future__ import annotations

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.search_space import intersection_search_space
from optuna.trial import TrialState

from bonas.settings import own_settings
from bonas.spaces import Space
from bonas.studies.proposing.candidates import CandidatePool
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.task import Task


def outside_parameters(study: Study, space: Space | None) -> dict[str, BaseDistribution]:
    """Return the parameters outside the space that every finished trial has.

    While none is finished, these are the space's own numbers.
    """
    chosen = {} if space is None else space.distributions
    known = study.get_trials(deepcopy=False)
    first = next((trial for trial in known if trial.state == TrialState.COMPLETE), None)
    if first is None:
        numeric = {} if space is None else space.numeric
        return {name: numbers for name, numbers in numeric.items() if not numbers.single()}
    if first.params.keys() <= chosen.keys():
        return {}
    shared = intersection_search_space(known)
    return {
        name: distribution
        for name, distribution in shared.items()
        if name not in chosen and not distribution.single()
    }


@own_settings()
def is_exhausted(study: Study, space: Space | None) -> bool:
    """Return whether every architecture of the space has been proposed."""
    if space is None or outside_parameters(study, space):
        return False  # with other parameters there is always something new to try
    nothing = Parameters({})
    excluded = Observations.of(study, Task.of(study, space, nothing)).excluded
    return CandidatePool(space, nothing).left(excluded) is None
