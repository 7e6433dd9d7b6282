"""A proposal as a trial holds it: offered to it by whoever proposes, then taken by its worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial

from bonas.evaluation.candidate import INDEX, index_of
from bonas.studies.attributes import is_whole
from bonas.studies.proposing.observations import OFFER, PREDICTION, PROPOSAL, proposed, stored


def is_proposed(trial: FrozenTrial) -> bool:
    """Return whether it is settled what the trial evaluates."""
    return bool(trial.params) or bool(proposed(trial))


def index_made(trial: FrozenTrial) -> int | None:
    """Return the index of what a trial evaluates, or was offered; None if that is nothing."""
    if is_proposed(trial):
        return index_of(trial)
    found = Proposal.offered(trial)
    return None if found is None else found.index


@dataclass(frozen=True)
class Proposal:
    """Which proposal of the study it is, its parameters, and what the surrogate expects of it."""

    index: int
    params: Mapping[str, Any]
    prediction: Mapping[str, Any] | None

    @classmethod
    def of(cls, trial: FrozenTrial) -> Proposal | None:
        """Return what a trial evaluates, or else what it was offered; None if that is nothing."""
        if is_proposed(trial):
            return cls(index_of(trial), proposed(trial), stored(trial, PREDICTION) or None)
        return cls.offered(trial)

    @classmethod
    def offered(cls, trial: FrozenTrial) -> Proposal | None:
        """Return what a trial was offered; None if that is nothing, or cannot be read."""
        found = stored(trial, OFFER)
        index, params, told = (found.get(name) for name in ("index", "params", "prediction"))
        if not is_whole(index) or not isinstance(params, dict):
            return None
        return cls(index, params, told if isinstance(told, dict) else None)

    @staticmethod
    def withdraw(study: Study, trial: FrozenTrial) -> None:
        """Take back what a trial was offered."""
        with suppress(UpdateFinishedTrialError):
            study._storage.set_trial_system_attr(trial._trial_id, OFFER, json.dumps({}))

    def offer(self, study: Study, trial: FrozenTrial) -> None:
        """Offer it to a trial, unless that was released in the meantime."""
        with suppress(UpdateFinishedTrialError):
            text = json.dumps(asdict(self))
            study._storage.set_trial_system_attr(trial._trial_id, OFFER, text)

    def settle(self, study: Study, trial: FrozenTrial) -> None:
        """Make it what a trial evaluates; only the trial's worker may do that.

        ``trial`` is what the study holds now. The parameters come last, since others look for them.

        Raises:
            UpdateFinishedTrialError: if the trial was released.
        """
        storage = study._storage
        if self.index != index_of(trial):
            storage.set_trial_user_attr(trial._trial_id, INDEX, self.index)
        if self.prediction is not None or PREDICTION in trial.system_attrs:
            text = json.dumps(self.prediction or {})
            storage.set_trial_system_attr(trial._trial_id, PREDICTION, text)
        storage.set_trial_system_attr(trial._trial_id, PROPOSAL, json.dumps(self.params))
