"""A proposal as a trial holds it, from the moment it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial

from bonas.evaluation.candidate import INDEX, index_of
from bonas.studies.planning.history import PREDICTION, PROPOSAL, proposed, stored


@dataclass(frozen=True)
class Proposal:
    """Which proposal of the study it is, its parameters, and what the surrogate expects of it."""

    index: int
    params: Mapping[str, Any]
    prediction: Mapping[str, Any] | None

    @classmethod
    def again(cls, trial: FrozenTrial) -> Proposal:
        """The proposal of a trial that was given up unmeasured."""
        return cls(index_of(trial), proposed(trial), stored(trial, PREDICTION) or None)

    def write(self, study: Study, trial: FrozenTrial) -> None:
        """Give it to a trial, unless that was released in the meantime."""
        with suppress(UpdateFinishedTrialError):
            self._write(study, trial)

    def _write(self, study: Study, trial: FrozenTrial) -> None:
        """The parameters come last, since others look for them."""
        storage = study._storage
        if self.index != trial.number:
            storage.set_trial_user_attr(trial._trial_id, INDEX, self.index)
        if self.prediction is not None:
            text = json.dumps(self.prediction)
            storage.set_trial_system_attr(trial._trial_id, PREDICTION, text)
        storage.set_trial_system_attr(trial._trial_id, PROPOSAL, json.dumps(self.params))
