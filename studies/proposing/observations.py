"""What a study has measured: its trials, read as points and oriented values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress
from typing import Any

import torch
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from bonas.errors import InvalidGraph, InvalidSpace
from bonas.evaluation.curve import partial_values
from bonas.evaluation.objective import oriented
from bonas.optuna_internals import contains
from bonas.spaces import Space
from bonas.studies.attributes import ignored_in_study
from bonas.studies.outcomes import is_closed, reopened_below
from bonas.studies.proposing.candidates import Keys
from bonas.studies.proposing.limits import Limits
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.partial_curves import Passed, passed, was_stopped
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.task import Task
from bonas.studies.records import choices_in, offered, proposed, sd_of, values_of


@dataclass(frozen=True)
class Observations:
    """The trials of a study that name all parameters of a task, in the order of their numbers.

    Attributes:
        points: The ``n`` points of which at least one objective was measured.
        values: Their values, ``n x m``, oriented; NaN for an objective that was not measured before
            the evaluation failed, was pruned or was cut off.
        variances: The variances of the values, ``n x m``; NaN where the evaluation reported none.
        pending: The points that are being evaluated.
        excluded: The keys that need no further proposal: measured, pending, pruned, or failed and
            not to be tried again.
        trainings: What finished and stopped trainings left on their way, if any was stopped.
        limits: What has failed, and what constrained measurements are known.
    """

    points: Sequence[Point]
    values: Tensor
    variances: Tensor
    pending: Sequence[Point]
    excluded: Keys
    trainings: Sequence[Passed] = ()
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def of(cls, study: Study, task: Task, asking: int | None = None) -> Observations:
        """Read the study, without the trial number ``asking``."""
        points: list[Point] = []
        values, sds, pending, closed = [], [], [], []
        names, m = [objective.name for objective in task.objectives], len(task.objectives)
        known = study.get_trials(deepcopy=False)
        reopened = reopened_below(study, known)
        limits = Limits(task.constraints)
        trainings, were_stopped = [], any(map(was_stopped, known))
        for trial in known:
            point = point_of(trial, task.space, task.parameters)
            measured = values_of(trial, m)
            _warn_if_ignored(study, trial, task, point, measured)
            if point is None or trial.number == asking:
                continue
            limits.read(trial, point, names, task.space)
            if measured is None:
                measured = _measured_before_its_end(trial, names)
            if were_stopped:
                row = None if measured is None else len(points)
                trainings.append(passed(trial, point, row, len(points)))
            if measured is not None:
                points.append(point)
                values.append(measured)
                sds.append([sd_of(trial, name) for name in names])
            if trial.state in (TrialState.RUNNING, TrialState.WAITING):
                pending.append(point)
            elif is_closed(trial, reopened):
                closed.append(point)
        Y = torch.from_numpy(oriented(values, task.directions))
        variances = torch.tensor(sds, dtype=torch.float64).reshape(Y.shape).square()
        excluded = frozenset(point.key for point in (*pending, *closed))
        left = [each for each in trainings if each is not None]
        return cls(points, Y, variances, pending, excluded, left, limits)

    @cached_property
    def is_complete(self) -> Tensor:
        """Which of the ``n`` points have values of all objectives."""
        return ~self.values.isnan().any(1)

    @cached_property
    def complete_points(self) -> list[Point]:
        """The points that have values of all objectives."""
        return list(compress(self.points, self.is_complete.tolist()))

    def with_pending(self, point: Point) -> Observations:
        """Return the same observations with one more pending point."""
        pending, excluded = [*self.pending, point], self.excluded | frozenset([point.key])
        return replace(self, pending=pending, excluded=excluded)


def _measured_before_its_end(trial: FrozenTrial, names: Sequence[str]) -> list[float] | None:
    """Return what an evaluation measured before it failed, was pruned or was cut off, or None."""
    if trial.state not in (TrialState.FAIL, TrialState.PRUNED):
        return None
    values = [x if math.isfinite(x) else math.nan for x in partial_values(trial, names)]
    return None if all(map(math.isnan, values)) else values


def _warn_if_ignored(
    study: Study,
    trial: FrozenTrial,
    task: Task,
    point: Point | None,
    measured: list[float] | None,
) -> None:
    """Log, once per study and reason, that a complete trial cannot be learnt from."""
    if trial.state != TrialState.COMPLETE:
        return
    which = f"trial {trial.number}, and perhaps others"
    if measured is None:
        what = f"{which}: {len(task.objectives)} finite values were expected, got {trial.values}"
        ignored_in_study(study, "a trial's values", what)
    elif point is None and task.space is not None and choices_of(trial, task.space) is None:
        what = f"{which}: it is no architecture of the space: {trial.params!r:.200}"
        ignored_in_study(study, "a trial's parameters", what)


def point_of(trial: FrozenTrial, space: Space | None, parameters: Parameters) -> Point | None:
    """Return the point of a trial; None if a parameter is missing, or has an impossible value.

    The point of a trial that waits for its proposal is what it is offered.
    """
    return point_at(proposed(trial) or offered(trial), space, parameters)


def point_at(
    params: Mapping[str, Any], space: Space | None, parameters: Parameters
) -> Point | None:
    """Return the point with these values; None if one is missing, or impossible."""
    values = {}
    for name, distribution in parameters.distributions.items():
        if name not in params or not contains(distribution, params[name]):
            return None
        values[name] = params[name]
    if space is None:
        return Point(None, values)
    choices = choices_in(params, space)
    if choices is None:
        return None
    try:
        return Point(space.architecture(choices), values)
    except (InvalidGraph, InvalidSpace):  # another program chose what cannot be built
        return None


def choices_of(trial: FrozenTrial, space: Space) -> dict[str, Any] | None:
    """Return what a trial chose, or is to choose, of a space; None if that is no combination."""
    return choices_in(proposed(trial), space)
