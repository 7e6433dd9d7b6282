"""The constraints of a study, and which of its trials keep them.

The latest call decides what the constraints are, as it does for the budget. What was measured stays
what it was: whether a trial is feasible follows from its values and the present bounds, so a search
may be resumed with another bound. Each trial also holds how far it was from the bounds of its time,
under Optuna's own keys (``Trial.set_constraint``: at most 0 is feasible), where Optuna's samplers,
``best_trials`` and dashboards look for it.

A trial without a value of a constrained measurement is not known to be feasible: it is not. But
sizes that follow from the architecture (``parameters``, ``flops``) are computed.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from bonas.arguments import is_number
from bonas.errors import BonasError, EvaluationFailed
from bonas.evaluation.constraint import Constraint
from bonas.evaluation.curve import partial_values
from bonas.evaluation.size import FLOPS, PARAMETERS
from bonas.optuna_internals import CONSTRAINT
from bonas.spaces import Choices, Space
from bonas.studies.records import CONSTRAINTS, choices_in, names_of, proposed

_SIZES = {PARAMETERS.name: ("parameters", 1.0), FLOPS.name: ("multiply_adds", 2.0)}
"""A name -> which of a space's costs it is, and the factor of its unit."""

_logger = logging.getLogger(__name__)


def constraints_of(study: Study) -> tuple[Constraint, ...]:
    """Return the constraints that the latest call has set; what cannot be read is left out."""
    found = []
    for name, bounds in (CONSTRAINTS.read(study) or {}).items():
        if isinstance(bounds, dict) and bounds:
            try:
                found.append(Constraint(name, bounds.get("lower"), bounds.get("upper")))
            except BonasError:  # another program wrote it
                continue
    return tuple(found)


def set_constraints(study: Study, given: Sequence[Constraint]) -> None:
    """Let these be the study's constraints; names of earlier ones stay, without bounds."""
    stored = CONSTRAINTS.read(study) or {}
    wanted: dict[str, Any] = {name: {} for name in stored}
    for each in given:
        bounds = {"lower": each.lower, "upper": each.upper}
        wanted[each.name] = {side: x for side, x in bounds.items() if x is not None}
    if wanted == stored:
        return
    before = constraints_of(study)
    if before and study.get_trials(deepcopy=False):
        _logger.warning(
            "the constraints of the study changed from %s to %s; the front follows",
            _listed(before),
            _listed(given) or "none",
        )
    CONSTRAINTS.write(study, wanted)


def attributes_of(
    constraints: Iterable[Constraint], values: Mapping[str, float]
) -> dict[str, float]:
    """Return the system attributes by which Optuna knows how far ``values`` are from the bounds."""
    return {
        f"{CONSTRAINT}{each.name}": each.violation(values[each.name])
        for each in constraints
        if each.name in values
    }


def size_of(name: str, space: Space | None, choices: Choices) -> float:
    """Return a size that follows from the architecture; NaN if ``name`` is none, or is unknown."""
    if space is None or name not in _SIZES:
        return math.nan
    key, factor = _SIZES[name]
    return factor * space.costs(choices).get(key, math.nan)


def sizes_of(constraints: Iterable[Constraint], space: Space, choices: Choices) -> dict[str, float]:
    """Return the constrained sizes that follow from an architecture, where they are known."""
    found = {each.name: size_of(each.name, space, choices) for each in constraints}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def never_measured(study: Study, values: Mapping[str, float]) -> EvaluationFailed | None:
    """Return the error for a constraint on what no evaluation of the study has measured.

    ``values``: what the latest one has measured.
    """
    missing = [each.name for each in constraints_of(study) if each.name not in values]
    if not missing:
        return None
    names, known = names_of(study), study.get_trials(deepcopy=False)
    for name in missing:
        if all(math.isnan(measured_of(trial, name, names)) for trial in known):
            return EvaluationFailed(
                f"expected the evaluation to return {name!r}, which is constrained, got "
                f"{sorted(values)}; return it as well, or correct the name in constraints. "
                f"What was measured is kept in the study {study.study_name!r} (this error's study)"
            )
    return None


def measured_of(trial: FrozenTrial, name: str, objectives: Sequence[str]) -> float:
    """Return what a trial measured under a name, finished or not; NaN if that is nothing."""
    if name in objectives:
        return partial_values(trial, objectives)[objectives.index(name)]
    value: object = trial.user_attrs.get(name)
    if is_number(value):
        return float(value)
    if trial.state == TrialState.COMPLETE:
        return math.nan
    return partial_values(trial, [name])[0]


def values_of(
    trial: FrozenTrial,
    constraints: Iterable[Constraint],
    objectives: Sequence[str],
    space: Space | None,
) -> dict[str, float]:
    """Return the value of each constrained measurement of a trial; NaN where it is not known."""
    found = {each.name: measured_of(trial, each.name, objectives) for each in constraints}
    missing = [name for name, value in found.items() if math.isnan(value) and name in _SIZES]
    choices = None if space is None or not missing else choices_in(proposed(trial), space)
    if choices is not None:
        found |= {name: size_of(name, space, choices) for name in missing}
    return found


class Feasibility:
    """Which trials of a study keep its constraints.

    Attributes:
        constraints: Those of the study.
    """

    def __init__(self, study: Study, space: Space | None = None) -> None:
        self.constraints = constraints_of(study)
        self._space, self._names = space, names_of(study)
        self._own = frozenset(CONSTRAINTS.read(study) or {})

    def values(self, trial: FrozenTrial) -> dict[str, float]:
        """Return the value of each constrained measurement; NaN where it is not known."""
        return values_of(trial, self.constraints, self._names, self._space)

    def violations(self, trial: FrozenTrial) -> dict[str, float]:
        """Return by how much a trial violates constraints, in their units; NaN if unknown."""
        values = self.values(trial)
        found = {each.name: each.violation(values[each.name]) for each in self.constraints}
        return {name: x for name, x in found.items() if not x <= 0}

    def total(self, trial: FrozenTrial) -> float:
        """Return the sum of relative violations; 0 if feasible, infinite if a value is missing."""
        values = self.values(trial)
        total = sum(each.relative_violation(values[each.name]) for each in self.constraints)
        return math.inf if math.isnan(total) else float(total)

    def is_feasible(self, trial: FrozenTrial) -> bool:
        """Return whether a trial keeps all constraints, those that other programs set included."""
        others = (x for name, x in trial.constraints.items() if name not in self._own)
        if not all(isinstance(x, (int, float)) and x <= 0 for x in others):
            return False
        return not self.constraints or self.total(trial) == 0

    def least_violated(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        """Return the trial with the least total violation; None if there is no trial."""
        return min(trials, key=self.total, default=None)


def _listed(constraints: Iterable[Constraint]) -> str:
    return "; ".join(map(str, constraints))
