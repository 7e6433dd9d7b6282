"""Enqueued trials, whose parameters may be no architecture of the space.

Optuna does not check what is enqueued. It is checked before it is evaluated, so that an impossible
one costs one trial and not the search. Missing parameters are completed with random values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from bonas.errors import InvalidGraph, InvalidSpace
from bonas.optuna_internals import contains
from bonas.spaces import Choices, Space
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.task import Task

_DRAWS = 100  # tries for a valid architecture out of a part of one


def objection(
    params: Mapping[str, Any], space: Space, others: Mapping[str, BaseDistribution]
) -> str | None:
    """Return why no trial can have these parameters, by name; None if one can.

    Args:
        params: A parameter's name -> its value; some may be missing.
        space: The space that is searched.
        others: The known parameters outside the space.
    """
    ranges = {**others, **space.numeric}
    for name, value in params.items():
        if name in space.distributions:
            options = space.distributions[name].choices
            if not _is_among(value, options):
                return f"{name!r} is {value!r}, which is not one of its options {list(options)}"
        elif name in ranges and not contains(ranges[name], value):
            return f"{name!r} is {value!r}, which is not within {ranges[name]}"
    chosen = _chosen(params, space)
    try:
        whole = space.completed(chosen)
        stray = sorted(chosen.keys() - whole.keys())
        if stray:
            return f"{stray} do not belong to the other choices, {_without(chosen, stray)}"
        if chosen.keys() == whole.keys() and not space.is_valid(whole):
            return f"{type(space).__name__} does not allow the combination {dict(whole)}"
    except (InvalidGraph, InvalidSpace) as error:
        return f"{dict(chosen)}: {error}"
    return None


def unknown(params: Mapping[str, Any], space: Space, known: Iterable[FrozenTrial]) -> str | None:
    """Return a message about names that neither the space nor a complete trial has, or None.

    The evaluation may suggest parameters of its own, which the first complete trial shows.
    """
    finished = [trial for trial in known if trial.state == TrialState.COMPLETE]
    asked = {name for trial in finished for name in trial.params}
    names = sorted(params.keys() - asked - {*space.distributions, *space.numeric})
    if not (finished and names):
        return None
    return f"neither {type(space).__name__} nor the evaluation has parameters {names}"


def is_whole(params: Mapping[str, Any], space: Space) -> bool:
    """Return whether possible parameters name all choices of an architecture."""
    chosen = _chosen(params, space)
    return space.completed(chosen).keys() == chosen.keys()


def completed(
    study: Study, trial: FrozenTrial, params: Mapping[str, Any], space: Space, seed: int
) -> Choices | None:
    """Return a valid architecture with these parameters, not proposed yet if possible.

    It is random, and a function of the seed and the trial's number; None if no draw is valid.
    """
    rng = np.random.default_rng([seed, trial.number])
    task = Task.of(study, space, Parameters({}))
    excluded = Observations.of(study, task, trial.number).excluded
    chosen, found = _chosen(params, space), None
    for _ in range(_DRAWS):
        choices = space.completed(chosen, rng)
        if chosen.keys() <= choices.keys() and space.is_valid(choices):
            found = choices
            if Point(space.architecture(choices), {}).key not in excluded:
                break
    return found


def _chosen(params: Mapping[str, Any], space: Space) -> dict[str, Any]:
    return {name: params[name] for name in space.distributions if name in params}


def _without(chosen: Choices, names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in chosen.items() if name not in names}


def _is_among(value: object, options: tuple[Any, ...]) -> bool:
    try:
        return value in options
    except (TypeError, ValueError):  # an array, say
        return False
