"""A search as its study holds it, read once: what all sections of a report are made of."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna import Study

from bonas.errors import BonasError
from bonas.evaluation.constraint import Constraint
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.objective import UNITS, Objective, oriented
from bonas.optuna_internals import storage_of
from bonas.report.markup import shortened
from bonas.report.searched_trial import SearchedTrial
from bonas.spaces import Space
from bonas.studies.budget import Budget, budget_of
from bonas.studies.constraints import Feasibility
from bonas.studies.lineage.description import Description
from bonas.studies.lineage.origin import description_of
from bonas.studies.lineage.units import said_units, stored_units
from bonas.studies.outcomes import failures, reopened_below
from bonas.studies.proposing.front import undominated
from bonas.studies.proposing.observations import choices_of
from bonas.studies.records import SEED, directions, names_of
from bonas.studies.storages.opening import shown_address

_UNIT = 32  # characters


@dataclass(frozen=True)
class Searched:
    """A study, read once. Any program may have written it; all that is read is checked.

    Symbols: ``n`` finished trials, ``m`` objectives.

    Attributes:
        name: Of the study.
        storage: Where it is stored, without passwords; None in memory.
        objectives: In the order of the trials' values; those of another program are named by its
            metric names, or ``objective 0`` and so on.
        trials: All trials, by their numbers.
        space: What was searched; None if unknown.
        constraints: By the latest call.
        budget: Of the study; of 0 evaluations if nobody has said.
        spent: What is used of it, in its unit.
        seed: Of the search; None if unknown.
        description: What the study was made for; None for another program's.
        read_at: When it was read, in local time.
        least_violated: Where no finished trial keeps the constraints, the number of the one that
            violates them least; None otherwise.
        latest_failures: The numbers of the trials that failed, without those that were tried again.
    """

    name: str
    storage: str | None
    objectives: tuple[Objective, ...]
    trials: tuple[SearchedTrial, ...] = field(repr=False)
    space: Space | None = field(default=None, repr=False)
    constraints: tuple[Constraint, ...] = ()
    budget: Budget = field(default_factory=lambda: Budget(0.0))
    spent: float = 0.0
    seed: int | None = None
    description: Description | None = field(default=None, repr=False)
    read_at: datetime = field(default_factory=datetime.now)
    least_violated: int | None = None
    latest_failures: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, study: Study, space: Space | None = None, objectives: Sequence[Objective] | None = None
    ) -> Searched:
        """Read a study of any program.

        Args:
            study: What is read.
            space: What was searched; trials that are none of its architectures are not finished.
            objectives: Those of the study with their units; where they do not say one, and for
                None, that which the study stores, or else the usual one of the name.
        """
        known = sorted(study.get_trials(deepcopy=False), key=lambda trial: trial.number)
        description = description_of(study)
        stored_names = _stored_names(study)
        units = {**UNITS, **stored_units(description or {}), **said_units(objectives or ())}
        goals = _objectives(stored_names, study, units)
        names = [goal.name for goal in goals]
        feasibility, budget = Feasibility(study, space), budget_of(study)
        trials = []
        for trial in known:
            is_measured = bool(trial.state.is_finished() and trial.values)
            trials.append(
                SearchedTrial.of(
                    trial,
                    names,
                    stored_names,
                    is_member=space is None or choices_of(trial, space) is not None,
                    violations=feasibility.violations(trial) if is_measured else {},
                    is_feasible=not is_measured or feasibility.is_feasible(trial),
                )
            )
        finished = [trial.frozen for trial in trials if trial.has_values and trial.is_member]
        is_feasible = any(trial.is_feasible for trial in trials if trial.has_values)
        least = None if is_feasible else feasibility.least_violated(finished)
        return cls(
            name=study.study_name,
            storage=shown_address(storage_of(study)),
            objectives=goals,
            trials=tuple(trials),
            space=space,
            constraints=feasibility.constraints,
            budget=budget,
            spent=budget.spent(known, reopened_below(study, known)),
            seed=SEED.read(study),
            description=description,
            least_violated=None if least is None else least.number,
            latest_failures=tuple(trial.number for trial in failures(known)),
        )

    @cached_property
    def by_number(self) -> Mapping[int, SearchedTrial]:
        """A trial's number -> the trial."""
        return {trial.number: trial for trial in self.trials}

    @cached_property
    def finished(self) -> tuple[SearchedTrial, ...]:
        """The ``n`` trials with all values finite, of the space if that is known, in order."""
        return tuple(trial for trial in self.trials if trial.has_values and trial.is_member)

    @cached_property
    def values(self) -> npt.NDArray[np.float64]:
        """The values of the finished trials, ``n x m``, in the units of the objectives."""
        rows = [[trial.values[o.name] for o in self.objectives] for trial in self.finished]
        return np.array(rows, np.float64).reshape(-1, len(self.objectives))

    @cached_property
    def oriented(self) -> npt.NDArray[np.float64]:
        """The same with signs such that more is better."""
        return oriented(self.values, self.directions)

    @property
    def directions(self) -> list[str]:
        """``maximize`` or ``minimize`` for each objective."""
        return [objective.direction for objective in self.objectives]

    @cached_property
    def feasible(self) -> tuple[SearchedTrial, ...]:
        """The finished trials that keep all constraints, in order."""
        return tuple(trial for trial in self.finished if trial.is_feasible)

    @cached_property
    def front(self) -> tuple[SearchedTrial, ...]:
        """The feasible trials that no other one dominates, by the first objective, best first."""
        rows = [row for row, trial in enumerate(self.finished) if trial.is_feasible]
        found = [self.finished[rows[i]] for i in undominated(self.oriented[rows])]
        first = self.objectives[0]
        is_high = first.direction == "maximize"
        return tuple(sorted(found, key=lambda t: t.values[first.name], reverse=is_high))

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, in the order in which they came."""
        return tuple(dict.fromkeys(itertools.chain.from_iterable(t.choices for t in self.trials)))

    @cached_property
    def failed(self) -> tuple[SearchedTrial, ...]:
        """The failed trials; of a proposal that was tried again, the latest if that failed."""
        latest = set(self.latest_failures)
        known = {t.index for t in self.trials if t.has_values or t.number in latest}
        return tuple(
            trial
            for trial in self.trials
            if trial.number in latest or (trial.outcome == "failed" and trial.index not in known)
        )

    @cached_property
    def measurements(self) -> Mapping[int, tuple[Measurement, ...]]:
        """A trial's number -> what its evaluation measured, in order; without trials of nothing."""
        found = ((trial.number, trial.measurements) for trial in self.trials)
        return {number: measured for number, measured in found if measured}

    def count(self, *outcomes: str) -> int:
        """Return how many trials have one of the outcomes."""
        return sum(trial.outcome in outcomes for trial in self.trials)

    def best(self, objective: Objective) -> SearchedTrial | None:
        """Return the feasible trial with the best value of an objective; None if there is none."""
        choose = max if objective.direction == "maximize" else min
        return choose(self.feasible, key=lambda t: t.values[objective.name], default=None)

    @property
    def is_of_bonas(self) -> bool:
        """Whether the study says what it was made for, as those of bonas do."""
        return self.description is not None

    @cached_property
    def began(self) -> datetime | None:
        """When the first trial began, in local time."""
        return min((t.started for t in self.trials if t.started is not None), default=None)

    @cached_property
    def ended(self) -> datetime | None:
        """When the latest trial ended, in local time."""
        return max((t.ended for t in self.trials if t.ended is not None), default=None)

    @cached_property
    def evaluation(self) -> Mapping[str, Any]:
        """An objective's name -> what its value depends on, as it is stored; empty if unknown."""
        found = (self.description or {}).get("evaluation", {})
        return found if isinstance(found, dict) else {}


def _stored_names(study: Study) -> list[str]:
    return names_of(study) or [f"objective {j}" for j in range(len(study.directions))]


def _objectives(
    names: Sequence[str], study: Study, units: Mapping[str, str]
) -> tuple[Objective, ...]:
    """Return the objectives of a study, each with its unit, cut where a page has no room for it."""
    ways, shown = directions(study), {n: shortened(unit, _UNIT) for n, unit in units.items()}
    try:
        return tuple(
            Objective(n, way, shown.get(n, "")) for n, way in zip(names, ways, strict=True)
        )
    except BonasError:  # a name that no study of bonas can have
        return tuple(Objective(f"objective {j}", way) for j, way in enumerate(ways))
