"""What a study already knows: its trials, read as points and oriented values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from bonas.errors import InvalidGraph, InvalidSpace
from bonas.evaluation.objective import oriented
from bonas.optuna_internals import contains
from bonas.spaces import Space
from bonas.studies.attributes import ignored_in_study
from bonas.studies.outcomes import is_closed, reopened_below
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.records import directions, names_of, offered, proposed, sd_of, values_of


@dataclass(frozen=True)
class History:
    """The trials of a study that name all parameters.

    ``finished`` have finite ``values`` (``n x m``, oriented); ``noise`` (``n x m``) are their
    variances, NaN where the evaluation did not report one; ``pending`` are being evaluated;
    ``spent`` are the keys that need no further proposal: finished, pending, failed in evaluation
    and not reopened.
    """

    finished: Sequence[Point]
    values: Tensor
    noise: Tensor
    pending: Sequence[Point]
    spent: frozenset[tuple[object, ...]]

    @classmethod
    def of(cls, study: Study, space: Space | None, parameters: Parameters, asking: int) -> History:
        """Everything but the trial number ``asking``, in the order of the trials' numbers."""
        finished, values, sds, pending, failed = [], [], [], [], []
        names, m = names_of(study), len(study.directions)
        known = study.get_trials(deepcopy=False)
        reopened = reopened_below(study, known)
        for trial in known:
            point = point_of(trial, space, parameters)
            measured = values_of(trial, m)
            _tell_what_is_ignored(study, trial, space, point, measured)
            if point is None or trial.number == asking:
                continue
            if measured is not None:
                finished.append(point)
                values.append(measured)
                sds.append([sd_of(trial, name) for name in names])
            elif trial.state in (TrialState.RUNNING, TrialState.WAITING):
                pending.append(point)
            elif is_closed(trial, reopened):
                failed.append(point)
        Y = torch.from_numpy(oriented(values, directions(study)))
        spent = frozenset(point.key for point in (*finished, *pending, *failed))
        noise = torch.tensor(sds, dtype=torch.float64).reshape(len(values), len(names)).square()
        return cls(finished, Y, noise if names else torch.full_like(Y, torch.nan), pending, spent)

    def with_pending(self, point: Point) -> History:
        """The same, with one more point that is being evaluated."""
        return replace(
            self, pending=[*self.pending, point], spent=self.spent | frozenset([point.key])
        )


def _tell_what_is_ignored(
    study: Study,
    trial: FrozenTrial,
    space: Space | None,
    point: Point | None,
    measured: list[float] | None,
) -> None:
    """Of a finished trial that teaches nothing, once in a study for each reason."""
    if trial.state != TrialState.COMPLETE:
        return
    which = f"trial {trial.number}, and perhaps others"
    if measured is None:
        what = f"{which}: {len(study.directions)} finite values were expected, got {trial.values}"
        ignored_in_study(study, "a trial's values", what)
    elif point is None and space is not None and choices_of(trial, space) is None:
        what = f"{which}: it is no architecture of the space: {trial.params!r:.200}"
        ignored_in_study(study, "a trial's parameters", what)


def point_of(trial: FrozenTrial, space: Space | None, parameters: Parameters) -> Point | None:
    """What a trial stands for; None where a parameter is missing, or has an impossible value.

    A trial that waits for its proposal stands for what it is offered.
    """
    return point_at(proposed(trial) or offered(trial), space, parameters)


def point_at(
    params: Mapping[str, Any], space: Space | None, parameters: Parameters
) -> Point | None:
    """What these values stand for; None where one is missing, or impossible."""
    values = {}
    for name, distribution in parameters.distributions.items():
        if name not in params or not contains(distribution, params[name]):
            return None
        values[name] = params[name]
    if space is None:
        return Point(None, values)
    choices = belongs(params, space)
    if choices is None:
        return None
    try:
        return Point(space.architecture(choices), values)
    except (InvalidGraph, InvalidSpace):  # another program chose what cannot be built
        return None


def choices_of(trial: FrozenTrial, space: Space) -> dict[str, Any] | None:
    """What a trial chose, or is to choose, of a space; None where that is no combination of it."""
    return belongs(proposed(trial), space)


def belongs(params: Mapping[str, Any], space: Space) -> dict[str, Any] | None:
    """The parameters that belong to a space, where they are a whole combination; else None."""
    choices = {name: params[name] for name in space.distributions if name in params}
    if any(choices[name] not in space.distributions[name].choices for name in choices):
        return None
    return choices if choices.keys() == space.completed(choices).keys() else None
