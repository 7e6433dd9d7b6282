"""Salvaged studies: as much of each trial as could be read from a damaged storage."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    json_to_distribution,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.evaluation.candidate import INDEX
from bonas.studies.records import RELEASED, STOPPED, is_proposed


@dataclass
class SalvagedTrial:
    """The readable part of a trial: values and parameters may be missing, the state may be None."""

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

    def set_param(self, name: str, distribution: str, value: float) -> None:
        """Set a parameter from its distribution, as JSON, and its internal value.

        Raises:
            ValueError: if the distribution does not contain the value; nothing is set then.
        """
        found = json_to_distribution(distribution)
        try:
            chosen = found.to_external_repr(value)
            create_trial(value=0.0, params={name: chosen}, distributions={name: found})
        except (LookupError, OverflowError, ValueError) as error:
            raise ValueError(f"no value of {name!r}: {value!r}") from error
        self.params[name], self.distributions[name] = chosen, found

    def frozen(self, objectives: int, number: int) -> FrozenTrial:
        """Return the trial as number ``number`` of a new study with ``objectives`` objectives.

        A trial that was running, or whose values are lost, is released: no worker evaluates it in
        the new study. Its proposal is evaluated again, under the index that it had.
        """
        values = [self.values.get(index, math.nan) for index in range(objectives)]
        is_measured = not any(map(math.isnan, values))
        state = TrialState.COMPLETE if self.state is None else self.state
        is_lost = state == TrialState.COMPLETE and not is_measured
        if state == TrialState.RUNNING or is_lost:
            state = TrialState.FAIL
            self.system_attrs.setdefault(RELEASED.key, STOPPED)
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
class SalvagedStudy:
    """The readable part of a study; ``name`` and ``directions`` are None if they are lost."""

    name: str | None = None
    directions: list[StudyDirection] | None = None
    user_attrs: dict[str, Any] = field(default_factory=dict)
    system_attrs: dict[str, Any] = field(default_factory=dict)
    trials: list[SalvagedTrial] = field(default_factory=list)

    def drop_inconsistent_params(self) -> list[str]:
        """Drop parameters whose distribution is not that of most trials, which no study can hold.

        Return a line about each that was dropped.
        """
        dropped = []
        for name in {name: None for trial in self.trials for name in trial.distributions}:
            holders = [trial for trial in self.trials if name in trial.distributions]
            groups: list[list[SalvagedTrial]] = []
            for trial in holders:
                same = (g for g in groups if _are_compatible(name, g[0], trial))
                group = next(same, None)
                if group is None:
                    groups.append([trial])
                else:
                    group.append(trial)
            kept = max(groups, key=len)
            for trial in (trial for group in groups if group is not kept for trial in group):
                found = trial.distributions.pop(name)
                del trial.params[name]
                dropped.append(f"the parameter {name!r} of a trial ({found})")
        return dropped


def _are_compatible(name: str, one: SalvagedTrial, other: SalvagedTrial) -> bool:
    """Return whether a study can hold both trials with their distributions of a parameter."""
    try:
        check_distribution_compatibility(one.distributions[name], other.distributions[name])
    except ValueError:
        return False
    return True


@dataclass
class Salvaged:
    """The readable part of a storage.

    Attributes:
        studies: The studies of which something could be read.
        lost: The number of trials of which nothing could be read.
        unreadable: The lines or rows that could not be read, each with the reason.
    """

    studies: list[SalvagedStudy] = field(default_factory=list)
    lost: int = 0
    unreadable: list[str] = field(default_factory=list)
