"""Parameters that a trial suggests on its own, outside any proposal: random, within the bounds."""

from __future__ import annotations

from typing import Any

from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial

from bonas.evaluation.candidate import index_of
from bonas.spaces import Space
from bonas.studies.proposing.observations import choices_of
from bonas.studies.proposing.parameters import independent_value
from bonas.studies.records import proposed

_SHARE = "bonas:share"  # the name whose random stream decides how far a number goes


def fit_to_bounds(space: Space | None, trial: FrozenTrial, name: str, value: Any, seed: int) -> Any:
    """Return a number, or a lower one with which the trial's network keeps the space's bounds.

    Numbers that the trial has not suggested yet are drawn to check that, as they will be later.
    """
    choices = None if space is None else choices_of(trial, space)
    if space is None or choices is None or not space.bounds_numbers or name not in space.numeric:
        return value
    known, index = proposed(trial), index_of(trial)
    fixed = [each for each in space.numeric if each in known]
    drawn = {
        each: known[each] if each in known else independent_value(numbers, each, seed, index)
        for each, numbers in space.numeric.items()
    }
    share = independent_value(FloatDistribution(0.0, 1.0), _SHARE, seed, index)
    found = space.fitting(choices, {**drawn, name: value}, fixed, share)
    return value if found is None else found[name]
