"""What the trials of a study say about its constraints and about failures.

Symbols: ``c`` constraints.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from optuna.trial import FrozenTrial, TrialState

from bonas.evaluation.constraint import Constraint
from bonas.spaces import Space
from bonas.studies.constraints import values_of
from bonas.studies.outcomes import has_failed, is_stopped_early
from bonas.studies.proposing.point import Point
from bonas.studies.records import STOPPED_EARLY

RULE = "constraints"
"""The name of the rule that ends an evaluation which violates a constraint."""

Key = tuple[object, ...]


@dataclass
class Limits:
    """What was seen to fail, to run, and to keep constraints; read trial by trial.

    Attributes:
        constraints: The ``c`` constraints of the study.
        failed: The points whose evaluation has failed.
        ran: The points whose evaluation has not, those stopped by a rule included. What a user has
            pruned is neither.
        measured: The points of which a constrained measurement is known, and its values by name;
            NaN where one is not known.
        spared: How many evaluations were ended since they violated a constraint.
    """

    constraints: Sequence[Constraint] = ()
    failed: list[Point] = field(default_factory=list)
    ran: list[Point] = field(default_factory=list)
    measured: list[tuple[Point, Mapping[str, float]]] = field(default_factory=list)
    spared: int = 0

    def read(
        self, trial: FrozenTrial, point: Point, names: Sequence[str], space: Space | None
    ) -> None:
        """Add what a trial with that point says; ``names`` are those of the objectives."""
        if has_failed(trial):
            self.failed.append(point)
        elif trial.state == TrialState.COMPLETE or is_stopped_early(trial):
            self.ran.append(point)
        self.spared += is_spared(trial)
        if self.constraints and trial.state.is_finished():
            values = values_of(trial, self.constraints, names, space)
            if not all(map(math.isnan, values.values())):
                self.measured.append((point, values))

    @property
    def have_failures(self) -> bool:
        """Whether failures can be learnt from: some evaluations failed, and some did not."""
        return bool(self.ran) and bool(self.lost)

    @cached_property
    def lost(self) -> list[Point]:
        """The failed points of which no later evaluation has succeeded."""
        ran = {point.key for point in self.ran}
        return [point for point in self.failed if point.key not in ran]

    @cached_property
    def violation(self) -> Mapping[Key, float]:
        """The key of a point -> the sum of its relative violations; infinite if not all known."""
        found: dict[Key, float] = {}
        for point, values in self.measured:
            total = sum(each.relative_violation(values[each.name]) for each in self.constraints)
            found[point.key] = math.inf if math.isnan(total) else float(total)
        return found


def is_spared(trial: FrozenTrial) -> bool:
    """Return whether an evaluation was ended since it violated a constraint."""
    return is_stopped_early(trial) and (STOPPED_EARLY.read(trial) or {}).get("rule") == RULE
