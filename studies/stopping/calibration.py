"""Calibration: how often final values lay in the intervals that were forecast.

A rule lets go on what looks good, so that the trials that finish are no fair sample: of those that
it would have stopped, only the few that were left unstopped show what would have become of them.
Each of these stands for all that the rule found hopeless, so it counts as often as there are such
trials per one that was left.

    coverage = sum_i w_i [low_i <= y_i <= high_i] / sum_i w_i
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from bonas.studies.proposing.front import finished
from bonas.studies.records import names_of
from bonas.studies.stopping.rivals import decisions_of


@dataclass(frozen=True)
class Calibration:
    """How the forecasts of a study's stopping rule came true.

    Attributes:
        forecasts: The number of forecasts whose trial has finished, one per rung and objective.
        coverage: The weighted share of final values inside their 80 % interval.
        unstopped: The number of trials that were left to show this, though the rule would have
            stopped them.
        stopped: The number of trials that were stopped.
    """

    forecasts: int
    coverage: float
    unstopped: int
    stopped: int

    @classmethod
    def of(cls, study: optuna.Study) -> Calibration | None:
        """Read the decisions of a study; None if no trial with a forecast has finished."""
        names = names_of(study)
        complete = finished(study)
        spared = {t.number for t in complete if any(d.unstopped for d in decisions_of(t))}
        pruned = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
        stopped = sum(any(d.stops for d in decisions_of(trial)) for trial in pruned)
        each = 1.0 + stopped / len(spared) if spared else 1.0
        inside, total, number = 0.0, 0.0, 0
        for trial in complete:
            weight = each if trial.number in spared else 1.0
            for is_inside in _outcomes(trial, names):
                inside, total, number = inside + weight * is_inside, total + weight, number + 1
        return cls(number, inside / total, len(spared), stopped) if number else None


def _outcomes(trial: FrozenTrial, names: list[str]) -> Iterator[bool]:
    """Yield for each forecast in a finished trial whether the final value was in its interval."""
    values = dict(zip(names, trial.values, strict=True)) if names else {}
    for decision in decisions_of(trial):
        forecast = decision.compared.get("forecast")
        for name, interval in forecast.items() if isinstance(forecast, dict) else ():
            if name in values and isinstance(interval, list) and len(interval) == 3:
                yield interval[0] <= values[name] <= interval[2]
