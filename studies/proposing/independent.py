"""A number that a trial asks for by itself, which no proposal holds."""

from __future__ import annotations

from typing import Any

from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial

from bonas.evaluation.candidate import index_of
from bonas.spaces import Space
from bonas.studies.proposing.observations import choices_of
from bonas.studies.proposing.parameters import drawn_alone
from bonas.studies.records import proposed

_SHARE = "bonas:share"  # under which name it is drawn how far a number goes


def fitting_alone(space: Space | None, trial: FrozenTrial, name: str, value: Any, seed: int) -> Any:
    """Return a number, or a lower one with which the trial's network keeps the space's bounds.

    Numbers that the trial has not asked for yet are drawn to see that, as they will be later.
    """
    choices = None if space is None else choices_of(trial, space)
    if space is None or choices is None or not space.bounds_numbers or name not in space.numeric:
        return value
    known, index = proposed(trial), index_of(trial)
    fixed = [each for each in space.numeric if each in known]
    drawn = {
        each: known[each] if each in known else drawn_alone(numbers, each, seed, index)
        for each, numbers in space.numeric.items()
    }
    share = drawn_alone(FloatDistribution(0.0, 1.0), _SHARE, seed, index)
    found = space.fitting(choices, {**drawn, name: value}, fixed, share)
    return value if found is None else found[name]
