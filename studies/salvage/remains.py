"""What is left of a study: as much of each trial as could be read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.evaluation.candidate import INDEX
from bonas.studies.proposal import is_proposed
from bonas.studies.proposing.observations import RELEASED
from bonas.studies.running.trials import STOPPED


@dataclass
class TrialRemains:
    """What is left of a trial; a value or a parameter may be missing, and its state be None."""

    number: int = -1
    state: TrialState | None = None
    values: dict[int, float] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, BaseDistribution] = field(default_factory=dict)
    user_attrs: dict[str, Any] = field(default_factory=dict)
    system_attrs: dict[str, Any] = field(default_factory=dict)
    intermediate: dict[int, float] = field(default_factory=dict)
    start: datetime | None = None
    complete: datetime | None = None

    def frozen(self, objectives: int, number: int) -> FrozenTrial:
        """The trial number ``number`` of a new study with that many objectives.

        Nobody works on the new study: a trial that was running is released, as is one whose values
        are lost. Their proposals are evaluated again, under the index that they had.
        """
        values = [self.values.get(index, math.nan) for index in range(objectives)]
        is_measured = not any(map(math.isnan, values))
        state = TrialState.COMPLETE if self.state is None else self.state
        is_lost = state == TrialState.COMPLETE and not is_measured
        if state == TrialState.RUNNING or is_lost:
            state = TrialState.FAIL
            self.system_attrs.setdefault(RELEASED, STOPPED)
        found = create_trial(
            state=state,
            values=values if is_measured and state == TrialState.COMPLETE else None,
            params=self.params,
            distributions=self.distributions,
            user_attrs=self.user_attrs,
            system_attrs=self.system_attrs,
            intermediate_values=self.intermediate,
        )
        if state == TrialState.PRUNED and is_measured:
            found.values = values
        found.datetime_start = self.start or found.datetime_start
        found.datetime_complete = self.complete or found.datetime_complete
        if self.number not in (-1, number) and is_proposed(found):
            found.set_user_attr(INDEX, found.user_attrs.get(INDEX, self.number))
        return found


@dataclass
class StudyRemains:
    """What is left of a study; ``name`` and ``directions`` are None if nobody can tell them."""

    name: str | None = None
    directions: list[StudyDirection] | None = None
    user_attrs: dict[str, Any] = field(default_factory=dict)
    system_attrs: dict[str, Any] = field(default_factory=dict)
    trials: list[TrialRemains] = field(default_factory=list)


@dataclass
class Remains:
    """What is left of a storage.

    Attributes:
        studies: Those of which something is left.
        lost: How many trials there were of which nothing is left.
        unreadable: The lines or rows that could not be read, each with the reason.
    """

    studies: list[StudyRemains] = field(default_factory=list)
    lost: int = 0
    unreadable: list[str] = field(default_factory=list)
