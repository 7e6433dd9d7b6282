"""What is taken: the indices and networks of trials of which it is settled what they evaluate."""

from __future__ import annotations

from collections.abc import Hashable

from optuna import Study
from optuna.trial import FrozenTrial

from bonas.evaluation.candidate import index_of
from bonas.optuna_internals import id_of, storage_of
from bonas.spaces import Space
from bonas.studies.outcomes import is_closed, reopened_below
from bonas.studies.proposing.observations import point_at, point_of
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.records import Proposal, is_proposed

_Key = tuple[Hashable, ...] | None


class Taken:
    """Compares proposals with the settled trials of a study; networks of finished ones are kept."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._keys: dict[int, _Key] = {}

    def has(
        self,
        study: Study,
        own: FrozenTrial,
        proposal: Proposal,
        space: Space | None,
        parameters: Parameters,
    ) -> bool:
        """Return whether a settled trial other than ``own`` has the proposal's index or network.

        The study is read anew. What was given up unmeasured is free, and so is what failed and is
        reopened.
        """
        if self._of != (of := (storage_of(study), id_of(study), parameters)):
            self._of, self._keys = of, {}
        point = point_at(proposal.params, space, parameters)
        key = None if point is None else point.key
        known = study.get_trials(deepcopy=False)
        reopened = reopened_below(study, known)
        return any(
            index_of(trial) == proposal.index
            or (key is not None and self._key(trial, space, parameters) == key)
            for trial in known
            if trial.number != own.number and is_closed(trial, reopened) and is_proposed(trial)
        )

    def _key(self, trial: FrozenTrial, space: Space | None, parameters: Parameters) -> _Key:
        if trial.number in self._keys:
            return self._keys[trial.number]
        point = point_of(trial, space, parameters)
        key = None if point is None else point.key
        if trial.state.is_finished():
            self._keys[trial.number] = key
        return key
